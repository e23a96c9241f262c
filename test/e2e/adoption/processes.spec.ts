import { afterAll, describe, expect, it } from '@jest/globals';
import { OLD_SECRET, type OldApp, startOldApp } from '../../support/old-app.js';
import { call, results, type ServerProcess, useProcesses } from '../../support/processes.js';

describe('a page whose requests go to two processes', () => {
  let old: OldApp;
  const fixture = useProcesses(2, { adopt: { secret: OLD_SECRET, table: 'session' } }, 4, async (database) => {
    old = await startOldApp(database);
    await old.signedIn('somebody');
  });
  afterAll(() => old.close());
  const server = (index: number) => fixture.servers[index % 2] as ServerProcess;

  it('is all of one session and one cookie, whichever comes first, in the browser that was signed in before', async () => {
    for (let round = 0; round < 25; round++) {
      const user = `user-${round}`;
      const browser = await old.signedIn(user);
      const cookie = await browser.cookie();
      const clients = Array.from({ length: 10 }, (_, index) => server(index).client(browser));
      // All are sent before an answer can have brought the new cookie.
      const seen = await Promise.all(
        clients.map((client, index) =>
          client.post(
            '/calls',
            {
              calls: [
                ['member', 'userId'],
                ['member', 'id'],
                ['set', `key${index}`, index],
              ],
            },
            { cookie },
          ),
        ),
      );
      expect(seen.map(({ status }) => status)).toEqual(Array(10).fill(201));
      const ids = seen.map(({ json }) => (json as unknown[])[1]);
      expect(seen.map(({ json }) => (json as unknown[])[0])).toEqual(Array(10).fill(user));
      expect(new Set(ids).size).toBe(1);
      expect(new Set(seen.map(({ setCookies }) => setCookies.join('\n'))).size).toBe(1);
      // What the browser holds now is one cookie, ours, which opens the session in both.
      expect((await browser.jar.getCookies(old.url)).map(({ key }) => key)).toEqual(['session_id']);
      for (const one of fixture.servers) {
        const [data] = await results(one.client(browser), ['toJSON']);
        expect(Object.keys(data)).toHaveLength(12);
      }
    }
    expect(await fixture.database.query('select from session')).toHaveLength(1);
  });

  it('does not bring the user back who signs out in one of them, by requests to the other', async () => {
    for (let round = 0; round < 25; round++) {
      const user = `leaver-${round}`;
      const browser = await old.signedIn(user);
      const headers = { cookie: await browser.cookie() };
      const [one, other] = [server(0), server(1)];
      await Promise.all([
        one.client(browser).post('/calls', { calls: [['logout']] }, headers),
        ...Array.from({ length: 5 }, () => other.client().post('/calls', { calls: [['set', 'x', 1]] }, headers)),
      ]);
      const reply = await other.client().post('/calls', { calls: [['member', 'userId']] }, headers);
      expect(reply.json).toEqual([null]);
      expect((await call(one.client(browser), ['member', 'userId'])).json).toEqual([null]);
      expect(await fixture.database.query('select from sessions where user_id = $1', [user])).toEqual([]);
    }
  });
});
