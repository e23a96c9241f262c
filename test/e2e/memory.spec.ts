import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { useApp } from '../support/app.js';
import { collectGarbage } from '../support/collect-garbage.js';
import { visit } from '../support/probe.js';

const VISITS = 300;

// The heap of a server over a million requests: npm run check:memory.
describe.each([
  ['as it is', {}],
  ['with encryption', { encryption: { keys: [randomBytes(32).toString('base64')] } }],
])('Memory, %s', (_how, options) => {
  const fixture = useApp({ options });

  it('keeps nothing of requests that are over, whatever they did', async () => {
    const { app } = fixture;
    const kept: WeakRef<object>[] = [];
    const keeping = async (client = app.client(), what: 'read' | 'write' | 'login' | 'logout' | 'fail' = 'read') =>
      visit(client, async (session, request) => {
        kept.push(new WeakRef(session), new WeakRef(request));
        if (what === 'write') session.increment('n' as never);
        if (what === 'login') await session.login('ada');
        if (what === 'logout') await session.logout();
        if (what === 'fail') throw new Error('no');
      });
    for (let count = 0; count < VISITS; count += 6) {
      const client = app.client();
      await keeping(client);
      await Promise.all([keeping(client, 'write'), keeping(client, 'write')]);
      await keeping(client, 'login');
      await keeping(client, 'fail');
      await keeping(client, 'logout');
    }
    await app.sessions.flush();
    // A reference is held until the turn ends.
    await new Promise(setImmediate);
    collectGarbage();
    const left = kept.filter((one) => one.deref() !== undefined);
    // Connections that are kept alive hold on to their last request.
    expect(kept.length).toBe(2 * VISITS);
    expect(left.length).toBeLessThan(20);
  });
});
