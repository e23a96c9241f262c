import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { rememberHandshakes, Session, SessionRenewal } from 'nestjs-mikro-session';
import { type AppFixture, useApp } from '../support/app.js';
import { tell, VisitGateway } from '../support/gateway.js';
import { Handlers } from '../support/handlers.js';
import { type Platform, PLATFORMS } from '../support/platform.js';
import { answered, inHandler } from '../support/probe.js';
import { connect } from '../support/ws-client.js';

const handlers = new Handlers<() => unknown>();

@Controller('polled')
class PolledController {
  @Get(':name')
  @SessionRenewal(false)
  async polled(@Session() _session: Session, @Param('name') name: string): Promise<void> {
    await handlers.get(name)();
  }
}

/** Minutes until a session expires, as it is stored. */
async function minutesLeft({ database }: AppFixture, id: string): Promise<number> {
  const [row] = await database.query<{ left: number }>(
    'select extract(epoch from expires_at - clock_timestamp())::float8 / 60 as left from sessions where id = $1',
    [id],
  );
  return Math.round((row as { left: number }).left);
}

/** Has a session be idle, so that its half hour is over but for some minutes. */
async function idle({ database }: AppFixture, id: string, minutes: number): Promise<void> {
  await database.query(
    `update sessions set expires_at = clock_timestamp() + make_interval(mins => $2::int),
       last_access_at = clock_timestamp() - make_interval(mins => 30 - $2::int) where id = $1`,
    [id, minutes],
  );
}

/** What an access before the answer has come to, for a handler to ask. */
async function leftMeanwhile(fixture: AppFixture, id: string): Promise<number> {
  await fixture.app.sessions.flush();
  return minutesLeft(fixture, id);
}

describe.each(PLATFORMS)(
  'A handler on %s that may take longer than what is left of the idle timeout',
  (platform: Platform) => {
    const fixture = useApp({ platform, controllers: [PolledController] });
    let client: ReturnType<typeof fixture.app.client>;
    let id: string;
    beforeEach(async () => {
      client = fixture.app.client();
      id = await inHandler(client, async (session) => {
        await session.login('ada');
        return session.id;
      });
    });

    it('has its request count as an access before it is done', async () => {
      await idle(fixture, id, 14);
      expect(await inHandler(client, () => leftMeanwhile(fixture, id))).toBe(30);
    });

    it('keeps its session, and what it writes, though the time would have been over', async () => {
      await idle(fixture, id, 14);
      await answered(client, async (session) => {
        await leftMeanwhile(fixture, id);
        // As if so much time had passed.
        await fixture.database.query(`update sessions set expires_at = expires_at - interval '20 min' where id = $1`, [
          id,
        ]);
        session.set('report', 'done');
      });
      expect(await inHandler(client, (session) => [session.userId, session.get('report')])).toEqual(['ada', 'done']);
    });

    it('counts at its end where there is more than half of the time', async () => {
      await idle(fixture, id, 16);
      expect(await inHandler(client, () => leftMeanwhile(fixture, id))).toBe(16);
      expect(await leftMeanwhile(fixture, id)).toBe(30);
    });

    it('does not count where the route says that it is no access', async () => {
      await idle(fixture, id, 14);
      let left = 0;
      const name = handlers.add(async () => (left = await leftMeanwhile(fixture, id)));
      expect((await client.get(`/polled/${name}`)).status).toBe(200);
      expect([left, await leftMeanwhile(fixture, id)]).toEqual([14, 14]);
    });
  },
);

describe('A handler of a message that may take longer than what is left of the idle timeout', () => {
  const fixture = useApp({
    providers: [VisitGateway],
    prepare: (app) => app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app))),
  });

  it('has its message count as an access before it is done', async () => {
    const { session, cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    await idle(fixture, session.id, 14);
    const client = await connect(fixture.app.url, cookie);
    expect(await tell(client, () => leftMeanwhile(fixture, session.id))).toBe(30);
    client.close();
  });
});
