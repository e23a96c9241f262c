import { describe, expect, it } from '@jest/globals';
import { inspect, types } from 'node:util';
import { serialize } from 'node:v8';
import { type Session, sessionMiddleware } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';

/** Every text and buffer that properties lead to, of whatever kind, getters and prototypes included. */
function reachable(start: unknown): string[] {
  const texts: string[] = [];
  const seen = new Set<unknown>();
  const waiting: unknown[] = [start];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === 'string') texts.push(value);
    if (value === null || !['object', 'function'].includes(typeof value) || seen.has(value)) continue;
    seen.add(value);
    if (types.isUint8Array(value)) texts.push(Buffer.from(value).toString('hex'));
    for (let holder: object | null = value as object; holder !== null; holder = Object.getPrototypeOf(holder)) {
      for (const key of Reflect.ownKeys(holder)) {
        texts.push(String(key));
        try {
          waiting.push(Reflect.get(holder, key, value));
          waiting.push(Reflect.getOwnPropertyDescriptor(holder, key)?.value);
        } catch {
          // A getter of another object.
        }
      }
      waiting.push(holder);
    }
  }
  return texts;
}

/** All that can be printed of a value. */
function printed(value: unknown): string[] {
  const onOrOff = [true, false];
  return onOrOff.flatMap((showHidden) =>
    onOrOff.flatMap((getters) =>
      onOrOff.flatMap((customInspect) =>
        onOrOff.map((showProxy) =>
          inspect(value, { depth: Infinity, showHidden, getters, customInspect, showProxy, maxArrayLength: null }),
        ),
      ),
    ),
  );
}

const attempt = (work: () => unknown): string => {
  try {
    return String(work());
  } catch (error) {
    return inspect(error, { depth: 9, showHidden: true, getters: true });
  }
};

describe.each([
  ['as it is', {}],
  ['behind sessionMiddleware()', { prepare: (app: any) => app.use(sessionMiddleware(app)) }],
])('Of a session %s, the credential cannot be got at', (_name, definition) => {
  const fixture = useApp(definition);

  it.each<[string, (session: Session, request: any, created: string[]) => unknown]>([
    ['what @Session() gives', (session) => session],
    ['request.session', (_session, request) => request.session],
    ['what SessionService.of() gives', (_session, request) => fixture.app.sessions.of(request)],
    ['what SessionService.find() gives', (session) => fixture.app.sessions.find(session.id)],
    [
      'what SessionService.create() gives',
      async (_session, _request, created) => {
        const { session, credential } = await fixture.app.sessions.create();
        created.push(credential);
        return session;
      },
    ],
    ['what SessionService.listForUser() gives', () => fixture.app.sessions.listForUser('ada')],
    ['a member that is taken off', (session) => Reflect.get(session, 'login') as unknown],
    ['what the library keeps on the request', (_session, request) => ownOf(request)],
    ['what the library keeps on the response', (_session, request) => ownOf(request.res)],
    ['the service', () => fixture.app.sessions],
  ])('through %s', async (_what, take) => {
    const client = fixture.app.client();
    const created: string[] = [];
    await visit(client, (session) => session.set('a', 1));
    const before = await client.cookie();
    const seen = await inHandler(client, async (session, request) => {
      await session.login('ada');
      const value = await take(session, request, created);
      return [
        ...reachable(value),
        ...printed(value),
        attempt(() => JSON.stringify(value)),
        attempt(() => serialize(value).toString('latin1')),
        attempt(() => inspect(structuredClone(value))),
        attempt(() => inspect({ ...(value as object) })),
      ].join('\n');
    });
    const secrets = [before, await client.cookie(), ...created].map((text) => text.slice(-43));
    for (const secret of secrets) {
      expect(secret).toMatch(/^[\w-]{43}$/);
      expect(seen.includes(secret)).toBe(false);
      expect(seen.includes(Buffer.from(secret, 'base64url').toString('hex'))).toBe(false);
    }
  });

  it('through an error or an event', async () => {
    const events: unknown[] = [];
    const subscription = fixture.app.sessions.events.subscribe((event) => events.push(event));
    const client = fixture.app.client();
    await visit(client, (session) => session.login('ada'));
    const secret = (await client.cookie()).slice(-43);
    const errors = await inHandler(client, async (session) => {
      await fixture.app.sessions.revoke(session.id);
      const caught: unknown[] = [];
      const fail = async (work: () => unknown) => {
        try {
          await work();
        } catch (error) {
          caught.push(error);
        }
      };
      await fail(() => session.reload());
      await fail(() => session.set('a', new Map() as never).save());
      await fail(() => ((session as any).cookieChange = 1));
      session.delete('a');
      return caught;
    });
    subscription.unsubscribe();
    expect([secret.length, errors.length, events.length > 2]).toEqual([43, 3, true]);
    const seen = [errors, events].flatMap((value) => [...reachable(value), ...printed(value)]).join('\n');
    expect(seen.includes(secret)).toBe(false);
  });
});

/** What hangs on an object under symbols, where libraries keep what is theirs. */
function ownOf(object: object): unknown[] {
  return Object.getOwnPropertySymbols(object)
    .filter((symbol) => symbol.description?.startsWith('nestjs-mikro-session'))
    .map((symbol) => (object as any)[symbol]);
}
