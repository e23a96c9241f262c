import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { inspect, promisify } from 'node:util';
import { concatMap, filter, map, type Observable, Subject } from 'rxjs';
import type { SessionEvent } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { inHandler } from '../support/probe.js';

type Events = Observable<SessionEvent>;

const fail = (name: string): never => {
  throw new Error(`sabotage: ${name}`);
};
const hostile = new Proxy(new Error('x'), {
  get: () => fail('get'),
  getPrototypeOf: () => fail('getPrototypeOf'),
});

const SUBSCRIBERS: [name: string, subscribe: (events: Events) => unknown][] = [
  ['throws', (events) => events.subscribe(() => fail('a function'))],
  ['is an observer that throws', (events) => events.subscribe({ next: () => fail('an observer') })],
  ['is asynchronous and rejects', (events) => events.subscribe((async () => fail('a promise')) as never)],
  ['throws behind an operator', (events) => events.pipe(filter(() => true)).subscribe(() => fail('behind'))],
  ['throws in an operator', (events) => events.pipe(map(() => fail('an operator'))).subscribe()],
  ['rejects in an operator', (events) => events.pipe(concatMap(async () => fail('inside'))).subscribe(() => {})],
  [
    'throws where it is told of an error',
    (events) => events.pipe(map(() => fail('an operator'))).subscribe({ error: () => fail('an error handler') }),
  ],
  [
    'is a subject with a subscriber that throws',
    (events) => {
      const subject = new Subject<SessionEvent>();
      subject.subscribe({ next: () => {}, error: () => {} });
      events.subscribe({
        next: (event) => {
          subject.next(event);
          fail('a subject');
        },
      });
    },
  ],
];

describe('An event', () => {
  const fixture = useApp();

  /** What is logged meanwhile. */
  async function logged(during: () => Promise<void>): Promise<string[]> {
    const lines: string[] = [];
    const write = (...parts: unknown[]): void => void lines.push(inspect(parts));
    fixture.app.app.useLogger({ log: write, error: write, warn: write });
    try {
      await during();
      // Rejections are noticed after the microtasks of this turn, timers of RxJS in the next.
      await new Promise((resolve) => setTimeout(resolve, 0));
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      fixture.app.app.useLogger(false);
    }
    return lines;
  }

  it.each(SUBSCRIBERS)('is told to all although a subscriber %s, which is logged', async (_how, subscribe) => {
    const { events } = fixture.app.sessions;
    const seen: string[] = [];
    const first = events.subscribe(({ type }) => seen.push(`first: ${type}`));
    const failing = subscribe(events) as { unsubscribe?(): void } | undefined;
    const last = events.subscribe(({ type }) => seen.push(`last: ${type}`));
    const lines = await logged(async () => {
      await inHandler(fixture.app.client(), (session) => session.set('a', 1).save());
    });
    for (const subscription of [first, failing, last]) subscription?.unsubscribe?.();
    expect(seen).toEqual(['first: created', 'last: created']);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/A subscriber of SessionService\.events failed.*sabotage/);
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a text', 'sabotage'],
    ['a symbol', Symbol('sabotage')],
    ['an object that cannot be written as text', Object.create(null)],
    ['something that cannot even be looked at', hostile],
  ])('is told to all although a subscriber throws %s', async (_what, thrown) => {
    const { events } = fixture.app.sessions;
    const seen: string[] = [];
    const failing = events.subscribe(() => {
      throw thrown as Error;
    });
    const last = events.subscribe(({ type }) => seen.push(type));
    await logged(async () => {
      const { session } = await fixture.app.sessions.create();
      expect(await fixture.app.sessions.revoke(session.id)).toBe(true);
    });
    failing.unsubscribe();
    last.unsubscribe();
    expect(seen).toEqual(['created', 'revoked']);
  });

  it('goes on to a subscriber that has failed before, as long as RxJS does', async () => {
    let count = 0;
    const failing = fixture.app.sessions.events.subscribe(() => {
      count++;
      fail('every time');
    });
    await logged(async () => {
      for (let times = 0; times < 3; times++) await fixture.app.sessions.create();
    });
    failing.unsubscribe();
    expect(count).toBe(3);
  });

  it('ends no process whose subscribers fail in every way', async () => {
    const dist = (file: string): string => JSON.stringify(new URL(`../../dist/${file}`, import.meta.url).href);
    const script = `
      import { filter, map, Subject } from 'rxjs';
      import { GuardedObservable } from ${dist('guarded-observable.js')};
      const source = new Subject();
      const events = new GuardedObservable(source, (error) => console.log(error.message));
      const fail = (name) => { throw new Error(name); };
      events.subscribe(() => fail('a function'));
      events.subscribe({ next: () => fail('an observer') });
      events.subscribe(async () => fail('a promise'));
      events.pipe(filter(() => true)).subscribe(() => fail('behind an operator'));
      events.pipe(map(() => fail('an operator'))).subscribe();
      events.subscribe({ complete: () => fail('the end') });
      events.subscribe(() => console.log('told'));
      source.next(1);
      source.complete();
      setTimeout(() => console.log('alive'), 20);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout.trim().split('\n')).toEqual([
      'a function',
      'an observer',
      'behind an operator',
      'an operator',
      'told',
      'the end',
      'a promise',
      'alive',
    ]);
  });
});
