import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Authorize, type AuthSnapshot, Session, SessionConfigurationError, SessionRenewal } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';

@Controller('by')
class RouteController {
  @Get('nothing') @Authorize() nothing(): void {}
  @Get('role') @Authorize({ roles: ['editor', 'admin'] }) role(): void {}
  @Get('permission') @Authorize({ permissions: ['article.edit', 'article.publish'] }) permission(): void {}
  @Get('recent') @Authorize({ within: '10m' }) recent(): void {}
  @Get('recent-admin') @Authorize({ within: '10m', roles: ['admin'] }) recentAdmin(): void {}
}

@Controller('staff')
@Authorize({ roles: ['staff'] })
class StaffController {
  @Get('all') all(): void {}
  @Get('recent') @Authorize({ within: '10m' }) recent(): void {}
}

@Controller('polling')
@SessionRenewal(false)
class PollingController {
  @Get('read') read(@Session() session: Session): unknown {
    return session.get('a');
  }
  @Get('write') write(@Session() session: Session): void {
    session.increment('polls');
  }
  @Get('touch') touch(@Session() session: Session): void {
    session.touch();
  }
  @Get('renews') @SessionRenewal(true) renews(): void {}
}

describe('@Authorize()', () => {
  const fixture = useApp({ controllers: [RouteController, StaffController] });
  const signedIn = async (auth: AuthSnapshot) => fixture.app.sessions.create({ userId: 'alice', auth });
  const status = async (path: string, cookie?: string) =>
    (await fixture.app.client().get(path, cookie === undefined ? {} : { cookie })).status;

  it('guards the route by itself: 401 to whoever is not signed in', async () => {
    for (const path of ['/by/nothing', '/by/role', '/by/permission', '/by/recent', '/staff/all']) {
      expect(await status(path)).toBe(401);
    }
  });

  it('asks for one of the roles: 403 without', async () => {
    expect(await status('/by/role', (await signedIn({ roles: ['admin'] })).cookie)).toBe(200);
    expect(await status('/by/role', (await signedIn({ roles: ['reader'] })).cookie)).toBe(403);
    expect(await status('/by/nothing', (await signedIn({})).cookie)).toBe(200);
  });

  it('asks for all of the permissions, which may be held as patterns: 403 without', async () => {
    expect(await status('/by/permission', (await signedIn({ permissions: ['article.*'] })).cookie)).toBe(200);
    expect(await status('/by/permission', (await signedIn({ permissions: ['article.edit'] })).cookie)).toBe(403);
  });

  it('asks for a recent login: 401 when it is too long ago, and again in after another login', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, async (session) => (await session.login('alice'), session.id));
    expect((await client.get('/by/recent')).status).toBe(200);
    const age = `update sessions set authenticated_at = authenticated_at - interval '10 m', created_at = created_at - interval '1 h' where id = $1`;
    await fixture.database.query(age, [id]);
    expect((await client.get('/by/recent')).status).toBe(401);
    expect((await client.get('/by/nothing')).status).toBe(200);
    await visit(client, (session) => session.login('alice'));
    expect((await client.get('/by/recent')).status).toBe(200);
  });

  it('tells who lacks a role before it asks for another login', async () => {
    const { session, cookie } = await signedIn({ roles: ['reader'] });
    await fixture.database.query(`update sessions set authenticated_at = now() - interval '1 h' where id = $1`, [
      session.id,
    ]);
    expect(await status('/by/recent-admin', cookie)).toBe(403);
  });

  it('asks for what the controller asks for, besides what the route does', async () => {
    const staff = await signedIn({ roles: ['staff'] });
    expect(await status('/staff/recent', staff.cookie)).toBe(200);
    await fixture.database.query(`update sessions set authenticated_at = now() - interval '1 h' where id = $1`, [
      staff.session.id,
    ]);
    expect(await status('/staff/all', staff.cookie)).toBe(200);
    expect(await status('/staff/recent', staff.cookie)).toBe(401);
    expect(await status('/staff/recent', (await signedIn({})).cookie)).toBe(403);
  });

  it('refuses a duration that is none, and a list that names nobody, when the class is defined', () => {
    expect(() => Authorize({ within: 'soon' as never })).toThrow(SessionConfigurationError);
    for (const names of [[], [''], [undefined], 'admin', null] as never[]) {
      expect(() => Authorize({ roles: names })).toThrow(SessionConfigurationError);
      expect(() => Authorize({ permissions: names })).toThrow(SessionConfigurationError);
    }
  });
});

describe('@SessionRenewal(false)', () => {
  const fixture = useApp({ controllers: [PollingController] });

  /** How far a request moves the expiry of a session that has half its time left, in minutes. */
  const moved = async (path: string) => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    await fixture.app.sessions.flush();
    const age = `update sessions set expires_at = expires_at - interval '15 m', last_access_at = last_access_at - interval '15 m' where id = $1`;
    await fixture.database.query(age, [id]);
    const before = await fixture.row(id);
    expect((await client.get(path)).status).toBe(200);
    await fixture.app.sessions.flush();
    const after = await fixture.row(id);
    const minutes = (column: string) => Math.round((after[column] - before[column]) / 60_000);
    return { expiry: minutes('expires_at'), access: minutes('last_access_at'), data: after['data'] };
  };

  it('leaves the expiry where it was, though the route reads', async () => {
    expect(await moved('/polling/read')).toMatchObject({ expiry: 0, access: 0 });
  });

  it('leaves the expiry where it was, though the route writes, which is stored', async () => {
    expect(await moved('/polling/write')).toEqual({ expiry: 0, access: 0, data: { a: 1, polls: 1 } });
  });

  it('is overruled by the route’s own decorator, and by touch()', async () => {
    expect(await moved('/polling/renews')).toMatchObject({ expiry: 15, access: 15 });
    expect(await moved('/polling/touch')).toMatchObject({ expiry: 15, access: 15 });
  });
});

describe('rotationGrace', () => {
  const fixture = useApp({ options: { rotationGrace: 0 } });

  it('of zero gives a replaced credential no time at all', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('a', 1));
    const cookie = await client.cookie();
    await visit(client, (session) => session.regenerate());
    expect(await inHandler(fixture.app.client(), (session) => session.isNew, { cookie })).toBe(true);
  });
});
