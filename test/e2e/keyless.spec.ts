import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MemorySessionStore, type Session, SessionModule, type SessionModuleOptions } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { startApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import { createDatabase } from '../support/database.js';
import { describeWithRedis } from '../support/describe-with-redis.js';
import type { Platform } from '../support/platform.js';
import { inHandler, tryVisit, visit } from '../support/probe.js';
import { startRedis } from '../support/redis-server.js';

const encryption = { keys: [Buffer.alloc(32, 7)] };
/** Begins as an encrypted value does. */
const LIKE_SEALED = '$enc1.AAAAAAAA.x';

type Start = (options: SessionModuleOptions) => Promise<TestApp>;
/** Starts what several applications share. */
type Place = (platform: Platform) => Promise<{ readonly start: Start; readonly stop: () => Promise<unknown> }>;

const inPostgres: Place = async (platform) => {
  const database = await createDatabase();
  return { start: (options) => startApp(database, { platform, options }), stop: () => database.drop() };
};
const inRedis: Place = async (platform) => {
  const redis = await startRedis();
  const session = (options: SessionModuleOptions) =>
    SessionModule.forRoot({ ...options, store: redisSessionStore({ nodes: [redis.url] }) });
  return { start: (options) => startApp(null, { platform, session: session(options) }), stop: () => redis.stop() };
};
const inMemory: Place = async (platform) => {
  const store = { useValue: new MemorySessionStore({ maxDataBytes: 65_536 }) };
  const session = (options: SessionModuleOptions) => SessionModule.forRoot({ ...options, store });
  return { start: (options) => startApp(null, { platform, session: session(options) }), stop: async () => {} };
};

describe.each<[string, Platform, boolean, Place]>([
  ['PostgreSQL', 'Express', false, inPostgres],
  ['PostgreSQL', 'Fastify', true, inPostgres],
  ['Redis', 'Express', false, inRedis],
  ['Redis', 'Fastify', false, inRedis],
  ['memory', 'Express', false, inMemory],
])(
  'Without keys, beside a process that encrypts, in %s, on %s, with "cache" as %j,',
  (_store, platform, cache, place) => {
    const describeHere = place === inRedis ? describeWithRedis : describe;
    describeHere('an application', () => {
      let shared: Awaited<ReturnType<Place>>;
      let encrypting: TestApp;
      let keyless: TestApp;
      /** With keys, and without sealing anything. */
      let opening: TestApp;
      beforeAll(async () => {
        shared = await place(platform);
        encrypting = await shared.start({ cache, encryption });
        keyless = await shared.start({ cache });
        opening = await shared.start({ cache, encryption: { ...encryption, seal: false } });
      });
      afterAll(async () => {
        await encrypting?.close();
        await keyless?.close();
        await opening?.close();
        await shared?.stop();
      });

      /** A visitor of both, of whom one process has sealed what it keeps; and the id of their session. */
      async function visitor(): Promise<{ there: Client; here: Client; id: string }> {
        const there = encrypting.client();
        const id = await inHandler(there, async (session) => {
          await session.login('ada', { roles: ['admin'] });
          session.set('secondFactor', false).set('attempts', 0).set('cart', ['book']);
          return session.id;
        });
        return { there, here: new Client(keyless.url, there.jar), id };
      }
      /** Nest has one logger for all applications of a process. */
      const linesOf = (id: string) =>
        [keyless, encrypting, opening].flatMap(({ lines }) => lines).filter((line) => line.includes(id));
      const all = (client: Client) => inHandler(client, (session) => ({ ...session.data }));
      const SEALED = { secondFactor: false, attempts: 0, cart: ['book'] };

      it('finds what was sealed absent, be it a value, a list or roles, and says so once', async () => {
        const { here, id } = await visitor();
        const seen = (session: Session) => [
          session.get('secondFactor') ? 'let in' : 'asked',
          session.has('attempts'),
          { ...session.data },
          session.userId,
          session.avatar.roles,
        ];
        for (let time = 0; time < 2; time++)
          expect(await inHandler(here, seen)).toEqual(['asked', false, {}, 'ada', []]);
        const reported = linesOf(id).map(
          (line) => /The stored (.*) of session .* cannot be decrypted/.exec(line)?.[1] ?? line,
        );
        expect(reported.toSorted()).toEqual(['auth', 'data at "attempts"', 'data at "cart"', 'data at "secondFactor"']);
        expect(linesOf(id).join()).not.toContain('$enc');
      });

      it('writes over one value, and leaves the others to who has the key', async () => {
        const { here, there } = await visitor();
        await visit(here, (session) => {
          const cart = (session.data as { cart?: string[] }).cart ?? [];
          session.set('cart', [...cart, 'pen']).set('own', 1);
        });
        expect(await all(here)).toEqual({ cart: ['pen'], own: 1 });
        expect(await all(there)).toEqual({ ...SEALED, cart: ['pen'], own: 1 });
        expect(await inHandler(there, (session) => session.avatar.roles)).toEqual(['admin']);
      });

      it('leaves them there when it clears its own, or changes them under the lock', async () => {
        const { here, there } = await visitor();
        await visit(here, (session) => session.set('own', 1));
        await visit(here, (session) => session.clear());
        const update = (session: Session) =>
          session.update((data) => void Object.assign(data, { seen: Object.keys(data), cart: undefined }));
        await visit(here, update);
        expect([await all(here), await all(there)]).toEqual([{ seen: [] }, { ...SEALED, seen: [] }]);
      });

      it.each<[string, string, (session: Session) => unknown]>([
        ['increment()', 'attempts', (session) => session.increment('attempts')],
        ['push()', 'cart', (session) => session.push('cart', 'pen')],
        ['increment() of a text', 'secondFactor', (session) => session.increment('secondFactor')],
      ])('is refused to add by %s, by name, and nothing is saved', async (_how, path, add) => {
        const { here, there } = await visitor();
        const refusal = {
          code: 'ERR_SESSION_DATA',
          path,
          message: expect.stringContaining('cannot be decrypted here'),
        };
        const adding = (session: Session) => {
          add(session);
          return session.save().catch((error: unknown) => error);
        };
        expect(await inHandler(here, adding)).toMatchObject(refusal);
        expect((await tryVisit(here, (session) => [session.set('own', 1), add(session)])).status).toBe(500);
        expect(await all(there)).toEqual(SEALED);
      });

      it('signs nobody in with an addition to what was sealed, and else as ever', async () => {
        const { here, there } = await visitor();
        const again = (session: Session) => session.login('ada', { roles: ['reader'] });
        const adding = (session: Session) => {
          session.increment('attempts');
          return again(session).catch((error: unknown) => error);
        };
        const roles = (client: Client) => inHandler(client, (session) => session.avatar.roles);
        expect(await inHandler(here, adding)).toMatchObject({ code: 'ERR_SESSION_DATA', path: 'attempts' });
        expect([await roles(there), await all(there)]).toEqual([['admin'], SEALED]);
        await visit(here, again);
        expect([await roles(here), await roles(there), await all(there)]).toEqual([['reader'], ['reader'], SEALED]);
      });

      it('is refused to store a text that would be taken for a sealed one', async () => {
        const client = keyless.client();
        const refusal = { code: 'ERR_SESSION_DATA', path: 'note', message: expect.stringContaining('as encrypted') };
        const writing = (write: (session: Session) => unknown) =>
          inHandler(client, async (session) => {
            try {
              await write(session);
              await session.save();
              return null;
            } catch (error) {
              return error;
            }
          });
        const note = (session: Session) => session.set('note', LIKE_SEALED);
        expect(await writing(note)).toMatchObject(refusal);
        const fine = { notes: [LIKE_SEALED], other: '$enc1.short.x', text: `a${LIKE_SEALED}` };
        expect(await writing((session) => Object.assign(session.data, fine))).toBeNull();
        expect(await writing(note)).toMatchObject(refusal);
        expect(await writing((session) => session.update((data) => void (data['note'] = LIKE_SEALED)))).toMatchObject(
          refusal,
        );
        expect((await tryVisit(client, note)).status).toBe(500);
        expect(await all(client)).toEqual(fine);
      });

      it('leaves such a text to a process that seals it', async () => {
        const there = encrypting.client();
        const note = '$enc9.BBBBBBBB.of a later version';
        await visit(there, (session) => session.set('note', note));
        expect(await all(there)).toEqual({ note });
      });

      it('reads what a process with keys writes that seals nothing, which reads and changes what is sealed', async () => {
        const { here, there, id } = await visitor();
        const between = new Client(opening.url, there.jar);
        const seen = (client: Client) => inHandler(client, (session) => [{ ...session.data }, session.avatar.roles]);
        for (let time = 0; time < 3; time++) expect(await seen(between)).toEqual([SEALED, ['admin']]);
        await visit(between, (session) => {
          session.increment('attempts');
          session.push('cart', 'pen');
        });
        await visit(between, (session) => session.update((data) => void (data['own'] = [1])));
        const changed = { attempts: 1, cart: ['book', 'pen'], own: [1] };
        expect(await all(here)).toEqual(changed);
        for (const client of [between, there]) {
          expect(await seen(client)).toEqual([{ ...changed, secondFactor: false }, ['admin']]);
        }
        await visit(there, (session) => session.push('cart', 'ink'));
        await visit(between, (session) => session.increment('attempts').toString());
        expect(await all(between)).toMatchObject({ attempts: 2, cart: ['book', 'pen', 'ink'] });
        await visit(between, (session) => session.login('ada', { roles: ['reader'] }));
        expect(await seen(here)).toEqual([{ attempts: 2, own: [1] }, ['reader']]);
        const refused = (session: Session) => session.set('note', LIKE_SEALED).save();
        expect((await tryVisit(between, refused)).status).toBe(500);
        const begun = opening.client();
        expect((await tryVisit(begun, refused)).status).toBe(500);
        await visit(begun, (session) => session.set('plain', 1));
        expect(await all(new Client(keyless.url, begun.jar))).toEqual({ plain: 1 });
        expect(linesOf(id).filter((line) => line.includes('"secondFactor"'))).toHaveLength(1);
      });
    });
  },
);
