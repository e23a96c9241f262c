import { describe, expect, it } from '@jest/globals';
import type { Client } from '../../support/client.js';
import { results, useProcesses } from '../../support/processes.js';

// With a pool of one, the next statement of a server surely goes to the backend that is frozen.
describe('Promise 2: a write that its backend executes too late', () => {
  const fixture = useProcesses(2, { queryTimeout: '500ms' }, 1);

  const backendOf = async (pid: number): Promise<number> => {
    const rows = await fixture.database.query<{ pid: number }>(
      // The other is MikroORM's own, which has been used for nothing else.
      `select pid from pg_stat_activity where application_name = $1 and query <> 'select 1'`,
      [`server-${pid}`],
    );
    expect(rows).toHaveLength(1);
    return rows[0]?.pid as number;
  };
  const lastChange = async (backend: number): Promise<unknown> =>
    (await fixture.database.query(`select state_change::text from pg_stat_activity where pid = $1`, [backend]))[0];

  /** Waits until a backend has done what it received while it was frozen, or has gone. */
  const doneSince = async (backend: number, before: unknown): Promise<void> => {
    const unfinished = `select from pg_stat_activity where pid = $1 and (state <> 'idle' or state_change::text = $2)`;
    const values = [backend, (before as { state_change: string }).state_change];
    while ((await fixture.database.query(unfinished, values)).length > 0);
  };

  it.each([
    ['save', ['set', 'value', 'late'], 'new'],
    ['logout', ['logout'], 'new'],
    ['regenerate', ['regenerate'], 'new'],
    ['login', ['login', 'late'], 'new'],
    ['update', ['update', 'increment'], 'new'],
  ] as const)('is refused, for it would undo what was acknowledged meanwhile: %s', async (_what, late, expected) => {
    const [slow, quick] = fixture.servers;
    const one = slow?.client() as Client;
    await results(one, ['set', 'value', 'old'], ['set', 'n', 0]);
    const cookie = await one.cookie();
    const two = quick?.client() as Client;
    const backend = await backendOf(slow?.pid as number);

    // Loaded already when the backend freezes.
    const request = one.post('/calls', { calls: [['pause'], [...late]] }, { cookie });
    const bystander = slow?.client() as Client;
    await results(bystander, ['untilPaused']);
    process.kill(backend, 'SIGSTOP');
    const before = await lastChange(backend);
    await results(bystander, ['resume']);
    try {
      expect((await request).status).toBe(503);
      const newer = await two.post(
        '/calls',
        {
          calls: [
            ['set', 'value', 'new'],
            ['set', 'n', 7],
          ],
        },
        { cookie },
      );
      expect(newer.status).toBe(201);
    } finally {
      process.kill(backend, 'SIGCONT');
    }
    await doneSince(backend, before);
    const after = await two.post(
      '/calls',
      {
        calls: [
          ['get', 'value'],
          ['get', 'n'],
          ['member', 'userId'],
        ],
      },
      { cookie },
    );
    expect(after.json).toEqual([expected, 7, null]);
    // And the server has recovered by itself.
    expect((await one.post('/calls', { calls: [['get', 'value']] }, { cookie })).json).toEqual(['new']);
  });
});
