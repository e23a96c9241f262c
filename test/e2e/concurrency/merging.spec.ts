import { describe, expect, it } from '@jest/globals';
import { type Client } from '../../support/client.js';
import { call, results, useProcesses } from '../../support/processes.js';

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

// So long that nothing is cut short, however slow the machine: what is refused in time is no lost update.
const PATIENT = { queryTimeout: '20s' } as const;

describe('Promise 1: no lost update, with two server processes', () => {
  const fixture = useProcesses(2, PATIENT);

  /** One visitor with a session, as seen through each of the two processes. */
  async function visitor(...first: Parameters<typeof call>[1][]): Promise<[Client, Client]> {
    const one = fixture.servers[0]?.client() as Client;
    await call(one, ...first);
    return [one, fixture.servers[1]?.client(one) as Client];
  }
  const bystander = () => fixture.servers[0]?.client() as Client;
  const of = (clients: [Client, Client], index: number) => clients[index % 2] as Client;

  it('keeps all of 100 keys that are written at once', async () => {
    const clients = await visitor(['set', 'first', true]);
    const replies = await Promise.all(
      range(100).map((n) => call(of(clients, n), ['set', `k${n}`, n], ['wait', n % 7])),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(100).fill(201));
    const [data] = await results(clients[0], ['toJSON']);
    expect(data).toEqual({ first: true, ...Object.fromEntries(range(100).map((n) => [`k${n}`, n])) });
  });

  it('counts all of 500 increments that come at once', async () => {
    const clients = await visitor(['set', 'first', true]);
    await Promise.all(range(500).map((n) => results(of(clients, n), ['increment', 'n'])));
    expect(await results(clients[1], ['get', 'n'])).toEqual([500]);
  });

  it('appends all of 200 items that are pushed at once', async () => {
    const clients = await visitor(['push', 'list', 'first']);
    await Promise.all(range(200).map((n) => results(of(clients, n), ['push', 'list', n])));
    const [list] = await results(clients[1], ['get', 'list']);
    expect(list[0]).toBe('first');
    expect(list.slice(1).toSorted((a: number, b: number) => a - b)).toEqual(range(200));
  });

  it('shows all of 200 flash messages that are left at once, none twice to readers that come one after another', async () => {
    const clients = await visitor(['set', 'first', true]);
    await Promise.all(range(200).map((n) => results(of(clients, n), ['flash', n % 2 ? 'odd' : 'even', n])));
    const shown: { message: number }[] = [];
    for (const n of range(4))
      shown.push(...(await results(of(clients, n), n === 0 ? ['flashes', 'odd'] : ['flashes']))[0]);
    expect(shown.map(({ message }) => message).toSorted((a, b) => a - b)).toEqual(range(200));
  });

  it('lets the last of two commits win where both set the same key, and neither touch another', async () => {
    const clients = await visitor(['set', 'a', 0], ['set', 'b', 0]);
    const slow = call(clients[0], ['set', 'a', 'slow'], ['pause']);
    await call(bystander(), ['untilPaused']);
    await call(clients[1], ['set', 'a', 'fast'], ['set', 'b', 'fast']);
    await call(bystander(), ['resume']);
    await slow;
    expect(await results(clients[0], ['toJSON'])).toEqual([{ a: 'slow', b: 'fast' }]);
  });

  it('clears what was there when clear() ran, and nothing that a parallel request adds', async () => {
    const clients = await visitor(['set', 'a', 1], ['set', 'b', 2]);
    const clearing = call(clients[0], ['clear'], ['pause']);
    await call(bystander(), ['untilPaused']);
    await call(clients[1], ['set', 'c', 3]);
    await call(bystander(), ['resume']);
    await clearing;
    expect(await results(clients[0], ['toJSON'])).toEqual([{ c: 3 }]);
  });
});

describe('update(), with two server processes', () => {
  const fixture = useProcesses(2, PATIENT);

  it('runs one at a time: 200 that come at once read what the one before has written', async () => {
    const one = fixture.servers[0]?.client() as Client;
    const clients = [one, fixture.servers[1]?.client(one) as Client];
    await call(one, ['set', 'stock', 150]);
    const taken = await Promise.all(range(200).map((n) => results(clients[n % 2] as Client, ['update', 'takeOne'])));
    expect(taken.filter(([won]) => won)).toHaveLength(150);
    expect(await results(one, ['get', 'stock'])).toEqual([0]);
  });
});

describe.each([1, 2])('update(), with a pool of %i', (pool) => {
  const fixture = useProcesses(1, PATIENT, pool);

  it('blocks nobody: 100 requests that each update, save and read go through', async () => {
    const client = fixture.servers[0]?.client() as Client;
    await call(client, ['set', 'n', 0]);
    const all = range(100).map((n) =>
      results(client, ['update', 'increment'], ['set', `k${n}`, n], ['save'], ['reload']),
    );
    await Promise.all(all);
    expect(await results(client, ['get', 'n'])).toEqual([100]);
  });
});
