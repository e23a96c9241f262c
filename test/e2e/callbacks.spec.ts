import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { type Session, type SessionCallback, SessionGoneError } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';

/** What a callback was given, each time it was called, and what the method returned. */
async function outcome(
  call: (callback: SessionCallback) => unknown,
): Promise<{ calls: unknown[][]; returned: unknown }> {
  const calls: unknown[][] = [];
  let returned: unknown;
  await new Promise<void>((resolve) => {
    returned = call((...args) => {
      calls.push(args);
      resolve();
    });
    // Not before the method has returned: the caller may need what it returns, or not expect to be called yet.
    calls.push(['returned']);
  });
  // Another call would come no later than this.
  await new Promise((resolve) => setImmediate(resolve));
  return { calls, returned };
}

const METHODS = ['save', 'regenerate', 'reload', 'destroy'] as const;

describe('With a callback', () => {
  const fixture = useApp();
  const visitor = async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', 1));
    return client;
  };

  it.each(METHODS)('%s() calls it once, later, without an error, and returns nothing', async (method) => {
    const seen = await inHandler(await visitor(), (session) =>
      outcome((callback) => session.set('n', 1)[method](callback)),
    );
    expect(seen).toEqual({ calls: [['returned'], []], returned: undefined });
  });

  it.each(['save', 'regenerate', 'reload'] as const)(
    '%s() gives it the error once, and does not throw',
    async (method) => {
      let seen: Awaited<ReturnType<typeof outcome>> | undefined;
      await visit(await visitor(), async (session) => {
        await fixture.app.sessions.revoke(session.id);
        seen = await outcome((callback) => session.set('n', 1)[method](callback));
      });
      expect(seen).toEqual({ calls: [['returned'], [expect.any(SessionGoneError)]], returned: undefined });
    },
  );

  it.each([
    ['save', async (session: Session) => [session.isModified, session.get('n')], [false, 2]],
    ['reload', async (session: Session) => [session.isModified, session.get('n')], [false, undefined]],
    ['destroy', async (session: Session) => [session.isDestroyed, session.keys()], [true, []]],
    ['regenerate', async (session: Session) => [session.get('cart'), session.get('n')], [1, 2]],
  ] as const)('%s() has done its work when it calls', async (method, look, expected) => {
    const seen = await inHandler(
      await visitor(),
      (session) =>
        new Promise((resolve, reject) =>
          session.set('n', 2)[method]((error) => (error ? reject(error as Error) : resolve(look(session)))),
        ),
    );
    expect(seen).toEqual(expected);
  });

  it('they run one after the other, in the order of the calls', async () => {
    const order: string[] = [];
    await inHandler(await visitor(), async (session) => {
      const done = (name: string) => () => void order.push(name);
      session.set('n', 1).save(done('save'));
      session.regenerate(done('regenerate'));
      session.destroy(done('destroy'));
      await session.save();
      await new Promise((resolve) => setImmediate(resolve));
    });
    expect(order).toEqual(['save', 'regenerate', 'destroy']);
  });

  it('which throws, the exception is uncaught, as from any callback, and what waits for it goes on', async () => {
    const script = `
      import { callBack } from ${JSON.stringify(join(import.meta.dirname, '../../dist/session/callback.js'))};
      const log = (what) => (error) => console.log(what, error?.message ?? error);
      process.on('uncaughtException', log('uncaught'));
      process.on('unhandledRejection', log('unhandled'));
      const throwing = (name) => (error) => { log(name)(error); throw new Error(name); };
      await callBack(throwing('first'), Promise.resolve());
      await callBack(throwing('second'), Promise.reject(new Error('failed')));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout.trim().split('\n')).toEqual([
      'first undefined',
      'uncaught first',
      'second failed',
      'uncaught second',
    ]);
  });
});

describe('Without a callback', () => {
  const fixture = useApp();

  it.each(METHODS)('%s() returns a promise', async (method) => {
    const seen = await inHandler(fixture.app.client(), async (session) => {
      const promise = session.set('n', 1)[method]();
      return [promise instanceof Promise, await promise];
    });
    expect(seen).toEqual([true, undefined]);
  });
});
