import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Session, SessionGuard } from 'nestjs-mikro-session';
import { type AppFixture, useApp } from '../../support/app.js';
import type { Client, Reply } from '../../support/client.js';
import { PLATFORMS } from '../../support/platform.js';

@Controller()
class AccountController {
  @Post('login') async login(@Session() session: Session): Promise<void> {
    await session.login('ada', { roles: ['auditor'] });
    session.set('iban', 'DE02120300000000202051');
  }
  @Get('guarded') @UseGuards(SessionGuard) guarded(): string {
    return 'let in';
  }
  @Post('write') write(@Session() session: Session): void {
    session.increment('visits');
  }
  @Post('saved') async saved(@Session() session: Session): Promise<void> {
    session.increment('visits');
    await session.save();
  }
  @Post('unfit') unfit(@Session() session: Session): void {
    session.data['secretly'] = new Map([['iban', 'DE02120300000000202051']]);
  }
  @Post('overtaken') async overtaken(@Session() session: Session): Promise<void> {
    await ending?.();
    session.set('late', true);
  }
}

/** What another request does while one is under way. */
let ending: (() => Promise<unknown>) | undefined;

/** What is nobody’s business outside: statements, names of the database’s, stacks, data, addresses. */
const INTERNAL =
  /select|update |insert|relation|column|constraint|trigger|postgres|mikro|\btable\b|session_test|\bat .+:\d+|\.[jt]s\b|127\.0\.0\.1|iban|DE02|secretly|auditor/i;

describe.each(PLATFORMS)('On %s, a request that fails', (platform) => {
  const fixture: AppFixture = useApp({
    platform,
    controllers: [AccountController],
    options: { queryTimeout: '500ms' },
  });
  let client: Client;
  beforeAll(async () => {
    client = fixture.app.client();
    await client.post('/login');
  });
  afterAll(() => {
    ending = undefined;
  });

  const isToldNothing = async (reply: Reply, status: number): Promise<void> => {
    expect(reply.status).toBe(status);
    expect(Object.keys(reply.json as object).toSorted()).toEqual(expect.arrayContaining(['message', 'statusCode']));
    const headers = [...reply.headers].filter(([name]) => !['date', 'vary', 'set-cookie'].includes(name));
    const said = JSON.stringify([headers, reply.text]);
    expect(said).not.toMatch(INTERNAL);
    expect(said).not.toContain((await client.cookie()).split('.')[1]);
  };

  it('because nobody is signed in is told that, and no more', async () => {
    await isToldNothing(await fixture.app.client().get('/guarded'), 401);
  });

  it('because the database does not answer is told that it is not available, and no more', async () => {
    const held = await fixture.database.hold('lock table sessions in access exclusive mode');
    try {
      await isToldNothing(await client.get('/guarded'), 503);
      await isToldNothing(await client.post('/write'), 503);
      await isToldNothing(await client.post('/saved'), 503);
    } finally {
      await held.release();
    }
  });

  it('because the database refuses its row is told that something went wrong, and no more', async () => {
    await fixture.database.query(
      `alter table sessions add constraint few_visits check (not data ? 'visits') not valid`,
    );
    try {
      await isToldNothing(await client.post('/write'), 500);
      await isToldNothing(await client.post('/saved'), 500);
    } finally {
      await fixture.database.query('alter table sessions drop constraint few_visits');
    }
  });

  it('because its data cannot be stored is told that something went wrong, and no more', async () => {
    await isToldNothing(await client.post('/unfit'), 500);
  });

  it('because its session has ended meanwhile is told that, and no more', async () => {
    const cookie = await client.cookie();
    ending = () => fixture.app.sessions.revoke(cookie.slice('session_id='.length).slice(0, 36));
    await isToldNothing(await client.post('/overtaken'), 401);
  });
});
