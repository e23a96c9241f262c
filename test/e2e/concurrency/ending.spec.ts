import { describe, expect, it } from '@jest/globals';
import type { Client } from '../../support/client.js';
import { call, results, useProcesses } from '../../support/processes.js';
import { Refusals } from '../../support/refusals.js';

describe('A write that races with the end of its session, with two server processes', () => {
  const fixture = useProcesses(2);

  it.each([
    ['logout', 1_000],
    ['destroy', 100],
    ['revoke', 100],
  ])(
    'never revives it: %s, %i trials',
    async (how, trials) => {
      let refused = 0;
      const refusals = new Refusals();
      const trial = async (): Promise<void> => {
        const one = fixture.servers[0]?.client() as Client;
        const login = await call(one, ['login', 'alice'], ['member', 'id']);
        if (login.status === 503) return refusals.add({ login: login.status });
        expect(login.status).toBe(201);
        const [, id] = login.json as string[];
        const cookie = await one.cookie();
        const two = fixture.servers[1]?.client(one) as Client;
        const end = how === 'revoke' ? (['service', 'revoke', id] as const) : ([how] as const);
        const [write, ended] = await Promise.all([
          two.post(
            '/calls',
            {
              calls: [
                ['set', 'late', true],
                ['flash', 'info', 'late'],
              ],
            },
            { cookie },
          ),
          one.post('/calls', { calls: [[...end]] }, { cookie }),
        ]);
        if (ended.status === 503) return refusals.add({ id, write: write.status, ended: ended.status });
        expect(ended.status).toBe(201);
        // The write came first, was refused, or came when the session was over: then it began another one.
        expect([201, 401, 503]).toContain(write.status);
        if (write.status === 401) refused++;
        expect(write.status === 401 ? write.setCookies : []).toEqual([]);
        const after = await two.post(
          '/calls',
          {
            calls: [
              ['member', 'userId'],
              ['member', 'isNew'],
            ],
          },
          { cookie },
        );
        expect(after).toMatchObject(after.status === 503 ? {} : { status: 201, json: [null, true] });
        expect(await fixture.database.query('select from sessions where id = $1', [id])).toEqual([]);
        const statuses = { write: write.status, after: after.status };
        if (Object.values(statuses).includes(503)) refusals.add({ id, ...statuses });
      };
      for (let round = 0; round < trials / 20; round++) await Promise.all(Array.from({ length: 20 }, trial));
      // Otherwise the trials have not tried what they are for.
      expect(refused).toBeGreaterThan(0);
      refusals.assertFew(trials);
    },
    120_000,
  );
});

describe('maxSessionsPerUser, with two server processes', () => {
  const fixture = useProcesses(2, { maxSessionsPerUser: 3 });

  it('leaves exactly that many when twenty logins race', async () => {
    for (let trial = 0; trial < 10; trial++) {
      const clients = Array.from({ length: 20 }, (_, n) => fixture.servers[n % 2]?.client() as Client);
      await Promise.all(clients.map((client) => results(client, ['login', `user-${trial}`])));
      const users = await Promise.all(clients.map(async (client) => (await results(client, ['member', 'userId']))[0]));
      expect(users.filter((user) => user !== null)).toHaveLength(3);
    }
  });

  it('ends the oldest first', async () => {
    const clients = Array.from({ length: 5 }, (_, n) => fixture.servers[n % 2]?.client() as Client);
    for (const client of clients) await results(client, ['login', 'carol']);
    const users = await Promise.all(clients.map(async (client) => (await results(client, ['member', 'userId']))[0]));
    expect(users).toEqual([null, null, 'carol', 'carol', 'carol']);
  });
});

describe('regenerate() in parallel, with two server processes', () => {
  const fixture = useProcesses(2);

  it('converges on one live cookie, and hurts no request that is under way', async () => {
    for (let trial = 0; trial < 20; trial++) {
      const one = fixture.servers[0]?.client() as Client;
      await call(one, ['set', 'kept', trial]);
      const cookie = await one.cookie();
      const requests = Array.from({ length: 10 }, (_, n) => {
        const client = fixture.servers[n % 2]?.client() as Client;
        return client.post('/calls', { calls: [['regenerate'], ['set', `k${n}`, n], ['get', 'kept']] }, { cookie });
      });
      const replies = await Promise.all(requests);
      expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(201));
      expect(replies.filter(({ setCookies }) => setCookies.length > 0)).toHaveLength(1);
      const live = replies.flatMap(({ setCookies }) => setCookies)[0]?.split(';')[0] as string;
      const reader = fixture.servers[1]?.client() as Client;
      const [data] = (await reader.post('/calls', { calls: [['toJSON']] }, { cookie: live })).json as [object];
      expect(Object.keys(data)).toHaveLength(11);
    }
  });

  it('succeeds for a request that others have overtaken more than once, and stores what it wrote', async () => {
    const one = fixture.servers[0]?.client() as Client;
    const two = fixture.servers[1]?.client(one) as Client;
    await call(one, ['set', 'kept', 1]);
    const cookie = await one.cookie();
    const slow = one.post('/calls', { calls: [['set', 'late', true], ['pause'], ['regenerate']] }, { cookie });
    const bystander = fixture.servers[0]?.client() as Client;
    await call(bystander, ['untilPaused']);
    await results(two, ['regenerate']);
    await results(two, ['regenerate']);
    await call(bystander, ['resume']);
    expect(await slow).toMatchObject({ status: 201, setCookies: [] });
    expect(await results(two, ['toJSON'])).toEqual([{ kept: 1, late: true }]);
  });
});
