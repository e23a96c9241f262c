import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Client } from '../../support/client.js';
import { call, results, useProcesses } from '../../support/processes.js';

const keys = [randomBytes(32).toString('base64')];

describe('Two processes with encryption, and the budget of one second that is the default,', () => {
  const processes = useProcesses(2, { encryption: { keys } });

  it('count 300 increments and 100 pushes of one session at once, and refuse none', async () => {
    const [one, two] = processes.servers;
    const client = one?.client() as Client;
    await results(client, ['set', 'first', true]);
    const other = two?.client(client) as Client;
    const replies = await Promise.all([
      ...Array.from({ length: 300 }, (_, n) => call(n % 2 ? client : other, ['increment', 'n'])),
      ...Array.from({ length: 100 }, (_, n) => call(n % 2 ? client : other, ['push', 'list', n])),
    ]);
    expect(replies.filter(({ status }) => status >= 300)).toEqual([]);
    const [data] = await results(client, ['toJSON']);
    expect([data.first, data.n]).toEqual([true, 300]);
    expect(data.list.toSorted((a: number, b: number) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });
});
