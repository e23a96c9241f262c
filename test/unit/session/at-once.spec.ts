import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { cookieOf, idOf, TestSessions } from './sessions.js';

/** What an `update()` sets that fails. */
const FAILED = 'failed';

/** What a handler does with its session; what returns nothing is done at once. */
const CALLS = {
  set: (session: ActiveSession, n: number) => void session.set(`k${n % 4}`, n),
  increment: (session: ActiveSession) => void session.increment('count'),
  push: (session: ActiveSession, n: number) => void session.push('list', n),
  login: (session: ActiveSession, _n: number, user: string) => session.login(user),
  logout: (session: ActiveSession) => session.logout(),
  destroy: (session: ActiveSession) => session.destroy(),
  restart: (session: ActiveSession) => session.restart(),
  regenerate: (session: ActiveSession) => session.regenerate(),
  save: (session: ActiveSession) => session.save(),
  update: (session: ActiveSession, n: number, _user: string, fails: boolean) =>
    session.update((data) => void (data[fails ? FAILED : `u${n % 2}`] = n)),
};
type Name = keyof typeof CALLS;
const ENDING: readonly Name[] = ['logout', 'destroy', 'restart'];
/** Whether `save()` has anything to store depends on what was stored behind its back. */
const FALLIBLE: readonly Name[] = [...ENDING, 'login', 'regenerate', 'update'];
/** What asks the store whether or not there is a session. */
const ASKING: readonly Name[] = ['login', 'update'];
const METHODS = ['create', 'update', 'login', 'delete', 'rotate'] as const;

interface Call {
  readonly name: Name;
  readonly n: number;
  readonly isSameUser: boolean;
  /** Whether the store cannot do what the call needs. */
  readonly fails: boolean;
}

/** Calls that are made before the first of them is done, and so on. */
type Plan = readonly (readonly Call[])[];

/** One request, which makes the calls of a plan. */
class Handler {
  readonly outcomes: string[] = [];
  readonly #call = new AsyncLocalStorage<{ readonly fails: boolean; readonly error: Error }>();
  readonly #sessions: TestSessions;
  readonly #cookie: string | null;
  readonly #session: ActiveSession;

  /** @param user `null` for an anonymous visitor, `undefined` for one who has no session yet */
  static async begun(user: string | null | undefined): Promise<Handler> {
    const sessions = new TestSessions();
    const cookie = user === undefined ? null : await sessions.begun({ k0: 'before' }, user ?? undefined);
    return new Handler(sessions, cookie, await sessions.open(cookie ?? undefined));
  }

  private constructor(sessions: TestSessions, cookie: string | null, session: ActiveSession) {
    this.#sessions = sessions;
    this.#cookie = cookie;
    this.#session = session;
    for (const method of METHODS) this.#failWhenTold(method);
  }

  #failWhenTold(method: (typeof METHODS)[number]): void {
    const { store } = this.#sessions;
    const does = store[method].bind(store) as (...given: unknown[]) => Promise<unknown>;
    const value = async (...given: unknown[]): Promise<unknown> => {
      const call = this.#call.getStore();
      if (call?.fails === true) throw call.error;
      return does(...given);
    };
    Object.defineProperty(store, method, { value });
  }

  async atOnce(plan: Plan): Promise<void> {
    for (const calls of plan) {
      const expected = new Expected(this.#session.userId);
      this.outcomes.push(
        ...(await Promise.all(
          calls.map((call, index) => {
            expected.next(call, index);
            return this.#outcome(call, index, expected.user);
          }),
        )),
      );
    }
  }

  /** Waits for each call, and leaves out what would follow a call that has failed. */
  async inTurn(plan: Plan): Promise<void> {
    for (const calls of plan) {
      const expected = new Expected(this.#session.userId);
      let failure: string | null = null;
      for (const [index, call] of calls.entries()) {
        const isLeaving = expected.next(call, index);
        // Somebody else would be left than the one who is there.
        if (call.name === 'login') fc.pre(isLeaving === this.#isOfAnother(expected.user));
        // It has nothing to ask the store for.
        if (call.fails && !ASKING.includes(call.name)) fc.pre(this.#session.readAt !== null);
        if (isLeaving) failure = null;
        const outcome: string =
          (isImmediate(call) ? null : failure) ?? (await this.#outcome(call, index, expected.user));
        if (isLeaving && outcome !== 'done') failure = outcome;
        this.outcomes.push(outcome);
      }
    }
  }

  #isOfAnother(user: string | null): boolean {
    const { userId } = this.#session;
    return userId !== null && userId !== user;
  }

  async #outcome({ name, n, fails }: Call, index: number, user: string | null): Promise<string> {
    const error = new SessionStoreUnavailableError(`do what call ${index} needs`);
    try {
      await this.#call.run({ fails, error }, () => CALLS[name](this.#session, n, user as string, fails));
      return 'done';
    } catch (thrown) {
      return String(thrown);
    }
  }

  /** What there is once the request has ended. */
  async result(): Promise<unknown> {
    const { userId } = this.#session;
    const data = this.#session.toJSON();
    await this.#session.settle(true);
    const change = cookieOf(this.#session);
    // Where there is a row already is a matter of when what was written is stored.
    const events = this.#sessions.events.filter((event) => /^log(in|out) /.test(event));
    const cookies = [this.#cookie, change?.kind === 'issued' ? change.value : null];
    const rows = await Promise.all(cookies.map(async (cookie) => cookie && this.#row(cookie)));
    return { outcomes: this.outcomes, userId, data, cookie: change?.kind, rows, events };
  }

  async #row(cookie: string): Promise<unknown> {
    const stored = await this.#sessions.store.find(idOf(cookie));
    return stored && { userId: stored.userId, data: JSON.parse(stored.data) as unknown };
  }
}

const isImmediate = ({ name }: Call): boolean => ['set', 'increment', 'push'].includes(name);

/** Who is signed in once all is done that was called for. */
class Expected {
  user: string | null;

  constructor(user: string | null) {
    this.user = user;
  }

  /** Whether a call leaves the session, or its user. */
  next({ name, isSameUser }: Call, index: number): boolean {
    const before = this.user;
    if (name === 'login') this.user = isSameUser ? (before ?? 'ada') : `user ${index}`;
    else if (ENDING.includes(name)) this.user = null;
    else return false;
    return name !== 'login' || (before !== null && before !== this.user);
  }
}

const CALL: fc.Arbitrary<Call> = fc
  .record({
    name: fc.constantFrom(...(Object.keys(CALLS) as Name[])),
    n: fc.nat(9),
    isSameUser: fc.boolean(),
    fails: fc.boolean(),
  })
  .map((call) => ({ ...call, fails: call.fails && FALLIBLE.includes(call.name) }));
const PLAN: fc.Arbitrary<Plan> = fc.array(fc.array(CALL, { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 3,
});

describe('Calls that are made at once', () => {
  it.each([null, 'ada', undefined])(
    'do what they do in turn, but for what follows a leave that fails (signed in: %s; no session yet: undefined)',
    async (user) => {
      const property = fc.asyncProperty(PLAN, async (plan) => {
        const inTurn = await Handler.begun(user);
        await inTurn.inTurn(plan);
        const atOnce = await Handler.begun(user);
        await atOnce.atOnce(plan);
        const result = await atOnce.result();
        expect(result).toEqual(await inTurn.result());
        expect(JSON.stringify(result)).not.toContain(FAILED);
      });
      await fc.assert(property, { seed: 18, numRuns: 2_000 });
    },
  );
});
