import { setImmediate } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import { recognise } from '../../../lib/session/recognition.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { type Credential, parseCredential, type SessionId } from '../../../lib/session/token.js';
import { Random } from '../../history/random.js';
import { cookieOf, HOUR, idOf, MINUTE, SECOND, TestSessions } from './sessions.js';

const SEQUENCES = 2_000;

const STARTS = ['no cookie', 'a dead cookie', 'an anonymous session', 'a user'] as const;
const OPERATIONS: Readonly<Record<string, (session: ActiveSession, random: Random) => unknown>> = {
  'set()': (session, random) => void session.set(`k${random.integer(1, 3)}`, random.integer(1, 9)),
  'clear()': (session) => void session.clear(),
  'save()': (session) => session.save(),
  'update()': (session, random) => session.update((data) => Object.assign(data, { n: random.integer(1, 9) })),
  'reload()': (session) => session.reload(),
  "login('a')": (session) => session.login('a'),
  "login('b')": (session) => session.login('b'),
  'a remembered login()': (session) => session.login('a', undefined, { ttl: '20h', persistent: true }),
  'logout()': (session) => session.logout(),
  'destroy()': (session) => session.destroy(),
  'regenerate()': (session) => session.regenerate(),
  'restart()': (session) => session.restart(),
  'setTtl()': (session, random) => void session.setTtl(random.integer(1, 30) * HOUR),
  'setTtl() with an absolute timeout': (session, random) => {
    const absolute = random.chance(0.3) ? (false as const) : random.integer(1, 30) * HOUR;
    session.setTtl(random.integer(1, 30) * MINUTE, { absolute });
  },
};

/** What a browser keeps: a cookie, for how long, and whether beyond its own end. */
type Jar = { readonly value: string; readonly endsAt: number | null; readonly persistent: boolean | null } | null;

/** Plays one request, and says how what the browser then has differs from what is stored; `null`: in nothing. */
async function play(random: Random, isSlow: boolean): Promise<string | null> {
  const created: SessionId[] = [];
  const sessions = new TestSessions({ emit: (type, id) => void (type === 'created' && created.push(id)) });
  if (isSlow) slowDown(sessions);
  const start = random.pick(STARTS);
  const done: string[] = [start];
  const brought =
    start === 'no cookie' ? undefined : await sessions.begun({ n: 0 }, start === 'a user' ? 'a' : undefined);
  if (start === 'a dead cookie') await sessions.store.delete(idOf(brought as string), null);
  const before = brought === undefined ? null : await sessions.store.find(idOf(brought));
  let jar: Jar = before && { value: brought as string, endsAt: before.endsAt, persistent: before.persistent };

  const session = await sessions.open(brought);
  const underWay: Promise<unknown>[] = [];
  for (let step = random.integer(1, 7); step > 0; step--) {
    const name = random.pick(Object.keys(OPERATIONS));
    const isAwaited = random.chance(0.6);
    done.push(`${isAwaited ? 'await ' : ''}${name}`);
    sessions.store.time += SECOND;
    const doing = Promise.resolve(OPERATIONS[name]?.(session, random)).catch((error: unknown) =>
      done.push(String(error)),
    );
    if (isAwaited) await doing;
    else underWay.push(doing);
  }
  await session.settle(true, random.chance(0.5));
  await Promise.all(underWay);

  const change = cookieOf(session);
  if (change !== null) jar = change.kind === 'issued' ? change : null;
  const rows = new Map<SessionId, StoredSession>();
  for (const id of created) {
    const row = await sessions.store.find(id);
    if (row !== null) rows.set(id, row);
  }
  const problem = problemOf(jar, change?.kind === 'issued', rows);
  return problem && `${problem}: ${done.join(', ')}`;
}

function slowDown({ store }: TestSessions): void {
  for (const method of ['find', 'create', 'commit', 'update', 'login', 'rotate', 'delete'] as const) {
    const original = (store[method] as (...args: unknown[]) => Promise<unknown>).bind(store);
    const slow = async (...args: unknown[]): Promise<unknown> => {
      await setImmediate();
      const result = await original(...args);
      await setImmediate();
      return result;
    };
    Object.defineProperty(store, method, { value: slow });
  }
}

function problemOf(jar: Jar, isIssued: boolean, rows: ReadonlyMap<SessionId, StoredSession>): string | null {
  const opened = jar === null ? undefined : rows.get(idOf(jar.value));
  if ([...rows.values()].some((row) => row !== opened)) return 'a session that no cookie opens';
  if (jar === null) return null;
  if (opened === undefined) return isIssued ? 'the cookie that is set opens nothing' : null;
  const recognition = recognise(parseCredential(jar.value) as Credential, opened, 10 * SECOND);
  if (recognition !== 'current') return `the cookie is ${recognition}`;
  if (jar.endsAt !== opened.endsAt) return `the cookie ends at ${jar.endsAt}, the session at ${opened.endsAt}`;
  return jar.persistent === opened.persistent ? null : `persistent ${jar.persistent}, not ${opened.persistent}`;
}

it.each([false, true])(
  'whatever a handler does, the browser then has the cookie of what is stored, for as long as that lives (slow store: %s)',
  async (isSlow) => {
    const found: string[] = [];
    for (let number = 0; number < SEQUENCES; number++) {
      const problem = await play(Random.of(1, number), isSlow);
      if (problem !== null) found.push(problem);
    }
    expect(found.toSorted((one, other) => one.length - other.length).slice(0, 5)).toEqual([]);
  },
);
