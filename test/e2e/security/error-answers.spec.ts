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

  /** The status, the names of what the body says, and what of it is internal. */
  const answerOf = async (reply: Reply): Promise<object> => {
    const headers = [...reply.headers].filter(([name]) => !['date', 'vary', 'set-cookie'].includes(name));
    const said = JSON.stringify([headers, reply.text]);
    const secret = (await client.cookie()).split('.')[1] as string;
    return {
      status: reply.status,
      isHttpError: 'message' in (reply.json as object) && 'statusCode' in (reply.json as object),
      internal: INTERNAL.exec(said)?.[0] ?? (said.includes(secret) ? 'the secret' : null),
    };
  };
  const nothingBut = (status: number): object => ({ status, isHttpError: true, internal: null });

  it('because nobody is signed in is told that, and no more', async () => {
    expect(await answerOf(await fixture.app.client().get('/guarded'))).toEqual(nothingBut(401));
  });

  it('because the database does not answer is told that it is not available, and no more', async () => {
    const held = await fixture.database.hold('lock table sessions in access exclusive mode');
    try {
      expect(await answerOf(await client.get('/guarded'))).toEqual(nothingBut(503));
      expect(await answerOf(await client.post('/write'))).toEqual(nothingBut(503));
      expect(await answerOf(await client.post('/saved'))).toEqual(nothingBut(503));
    } finally {
      await held.release();
    }
  });

  it('because the database refuses its row is told that something went wrong, and no more', async () => {
    await fixture.database.query(
      `alter table sessions add constraint few_visits check (not data ? 'visits') not valid`,
    );
    try {
      expect(await answerOf(await client.post('/write'))).toEqual(nothingBut(500));
      expect(await answerOf(await client.post('/saved'))).toEqual(nothingBut(500));
    } finally {
      await fixture.database.query('alter table sessions drop constraint few_visits');
    }
  });

  it('because its data cannot be stored is told that something went wrong, and no more', async () => {
    expect(await answerOf(await client.post('/unfit'))).toEqual(nothingBut(500));
  });

  it('because its session has ended meanwhile is told that, and no more', async () => {
    const cookie = await client.cookie();
    ending = () => fixture.app.sessions.revoke(cookie.slice('session_id='.length).slice(0, 36));
    expect(await answerOf(await client.post('/overtaken'))).toEqual(nothingBut(401));
  });
});
