import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore, SessionModule, type SessionRejectedEvent, type SessionStats } from 'nestjs-mikro-session';
import { createSessionId, issueCredential } from '../../lib/session/token.js';
import { type AppDefinition, type TestApp, useApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { PLATFORMS } from '../support/platform.js';
import { tryVisit, visit } from '../support/probe.js';
import { statements } from '../support/statements.js';

const AGENT = 'a browser';

/** What is told meanwhile. */
async function rejections(app: TestApp, during: () => Promise<unknown>): Promise<SessionRejectedEvent[]> {
  const events: SessionRejectedEvent[] = [];
  const subscription = app.sessions.events.subscribe((event) => {
    if (event.type === 'rejected') events.push(event);
  });
  await during();
  subscription.unsubscribe();
  return events;
}

async function visitor(app: TestApp, userId = 'ada'): Promise<Client> {
  const client = app.client();
  await visit(client, (session) => session.login(userId));
  return client;
}

const idIn = (cookie: string): string => (/=(.{36})\./.exec(cookie) as RegExpExecArray)[1] as string;
const withOtherSecret = (cookie: string): string => `session_id=${issueCredential(idIn(cookie)).cookieValue}`;

/** A request with these cookies, and no other. */
const come = (app: TestApp, cookie: string, handler: Parameters<typeof tryVisit>[1] = () => {}) =>
  tryVisit(app.client(), handler, { cookie, 'user-agent': AGENT });

const STORES: [name: string, definition: AppDefinition][] = [
  ['PostgreSQL', {}],
  ['PostgreSQL behind a cache', { options: { cache: true } }],
  ['PostgreSQL with encryption', { options: { encryption: { keys: ['7'.repeat(64)] } } }],
  ['the memory store', { session: SessionModule.forRoot({ store: MemorySessionStore }) }],
];

describe.each(PLATFORMS.flatMap((platform) => STORES.map(([name, definition]) => ({ platform, name, definition }))))(
  'A request to $platform whose token is refused, over $name',
  ({ platform, definition }) => {
    const fixture = useApp({ ...definition, platform });
    const told = async (during: () => Promise<unknown>): Promise<object[]> => {
      const events = await rejections(fixture.app, during);
      for (const { ip, leftOut } of events) expect([ip, leftOut]).toEqual(['127.0.0.1', 0]);
      return events.map(({ reason, sessionId, userId, userAgent }) => ({ reason, sessionId, userId, userAgent }));
    };
    const of = (cookie: string, reason: string, userId: string | null = 'ada') => [
      { reason, sessionId: idIn(cookie), userId, userAgent: AGENT },
    ];

    it('is told of where no session has its id', async () => {
      const cookie = `session_id=${issueCredential(createSessionId()).cookieValue}`;
      expect(await told(() => come(fixture.app, cookie))).toEqual(of(cookie, 'unknown', null));
    });

    it('is told of in the same way where the session has ended, or its time is over', async () => {
      const client = await visitor(fixture.app);
      const cookie = await client.cookie();
      await visit(client, (session) => session.destroy());
      expect(await told(() => come(fixture.app, cookie))).toEqual(of(cookie, 'unknown', null));
      const late = await visitor(fixture.app);
      const over = await late.cookie();
      await visit(late, (session) => session.setTtl(0));
      expect(await told(() => come(fixture.app, over))).toEqual(of(over, 'unknown', null));
    });

    it('is told of where it is another secret', async () => {
      const cookie = await (await visitor(fixture.app)).cookie();
      expect(await told(() => come(fixture.app, withOtherSecret(cookie)))).toEqual(of(cookie, 'wrong_secret'));
    });

    it('is told of where a login has replaced it, and again where the request then writes', async () => {
      const client = await visitor(fixture.app);
      const cookie = await client.cookie();
      await visit(client, (session) => session.login('ada'));
      expect(await told(() => come(fixture.app, cookie))).toEqual(of(cookie, 'replaced'));
      const events = await told(() => come(fixture.app, cookie, (session) => session.set('a', 1)));
      expect(events).toEqual([...of(cookie, 'replaced'), ...of(cookie, 'gone', null)]);
    });

    it('is told of where two are live, for each', async () => {
      const [one, two] = [await (await visitor(fixture.app)).cookie(), await (await visitor(fixture.app)).cookie()];
      expect(await told(() => come(fixture.app, `${one}; ${two}`))).toEqual([
        ...of(one, 'ambiguous', null),
        ...of(two, 'ambiguous', null),
      ]);
    });

    it('is told of beside a live one', async () => {
      const live = await (await visitor(fixture.app)).cookie();
      const tossed = `session_id=${issueCredential(createSessionId()).cookieValue}`;
      expect(await told(() => come(fixture.app, `${tossed}; ${live}`))).toEqual(of(tossed, 'unknown', null));
    });

    it('is told of where the session ends while the request works on it', async () => {
      const cookie = await (await visitor(fixture.app)).cookie();
      const events = await told(() =>
        come(fixture.app, cookie, async (session) => {
          await fixture.app.sessions.revoke(session.id);
          session.set('a', 1);
        }),
      );
      expect(events).toEqual(of(cookie, 'gone'));
    });

    it('is not told of where there is none, where it is malformed, and where it opens its session', async () => {
      const cookie = await (await visitor(fixture.app)).cookie();
      const events = await told(async () => {
        for (const one of ['a=b', 'session_id=', 'session_id=nonsense', cookie]) await come(fixture.app, one);
      });
      expect(events).toEqual([]);
    });
  },
);

describe('A token that regenerate() has replaced', () => {
  const fixture = useApp({ options: { rotationGrace: 0, trackDevice: false } });

  it('is told of once its grace period is over, and of where it comes from only if devices are tracked', async () => {
    const client = await visitor(fixture.app);
    const cookie = await client.cookie();
    await visit(client, (session) => session.regenerate());
    expect(await rejections(fixture.app, () => come(fixture.app, cookie))).toEqual([
      {
        type: 'rejected',
        reason: 'superseded',
        sessionId: idIn(cookie),
        userId: 'ada',
        ip: null,
        userAgent: null,
        leftOut: 0,
      },
    ]);
  });
});

describe('Rejections', () => {
  const fixture = useApp();

  it('are told of ten times for each reason, while more come at once, and all are counted', async () => {
    const cookie = await (await visitor(fixture.app)).cookie();
    const unknown = Array.from({ length: 150 }, () => `session_id=${issueCredential(createSessionId()).cookieValue}`);
    const before = rejected(fixture.app.sessions.stats());
    // In one request: it takes no second to look at.
    const events = await rejections(fixture.app, () =>
      come(fixture.app, [withOtherSecret(cookie), ...unknown].join('; ')),
    );
    const reasons = Map.groupBy(events, ({ reason }) => reason);
    expect([reasons.get('unknown')?.length, reasons.get('wrong_secret')?.length]).toEqual([10, 1]);
    expect(rejected(fixture.app.sessions.stats()) - before).toBe(151);
  });

  it('cost no query', async () => {
    const count = async (): Promise<number> => {
      const cookie = withOtherSecret(await (await visitor(fixture.app)).cookie());
      return statements(fixture.app, () => come(fixture.app, cookie));
    };
    const without = await count();
    let withOne = 0;
    expect(await rejections(fixture.app, async () => (withOne = await count()))).toHaveLength(1);
    expect([without, withOne]).toEqual([1, 1]);
  });
});

function rejected({ tokens }: SessionStats): number {
  return Object.values(tokens.rejected).reduce((sum, count) => sum + count, 0);
}
