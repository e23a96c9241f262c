import { afterEach, describe, expect, it } from '@jest/globals';
import type { SessionStore } from 'nestjs-mikro-session/store';
import { useStores } from './stores.js';

/** In milliseconds: long enough for a machine that is busy. */
const LONG = 3_000;

describe('The claim of the sweep', () => {
  const fixture = useStores();
  const stores: SessionStore[] = [];
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });

  const open = async (): Promise<SessionStore> => {
    const store = await fixture.openStore();
    stores.push(store);
    return store;
  };

  /** Asks until it is given. */
  const claimed = async (store: SessionStore): Promise<void> => {
    while (!(await store.claimSweep(LONG))) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  it('is given to one of several, for as long as that one asks for it again, and then to another', async () => {
    const [one, two] = [await open(), await open()];
    expect(await one.claimSweep(LONG)).toBe(true);
    const answers = new Set<string>();
    for (const end = performance.now() + 1.5 * LONG; performance.now() < end;) {
      answers.add(`${await one.claimSweep(LONG)} ${await two.claimSweep(LONG)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect([...answers]).toEqual(['true false']);
    await one.close();
    const closed = performance.now();
    await claimed(two);
    expect(performance.now() - closed).toBeLessThan(LONG);
  });

  it('goes to another when the one that has it asks no more, which then learns that it has lost it', async () => {
    const [one, two] = [await open(), await open()];
    expect(await one.claimSweep(200)).toBe(true);
    await claimed(two);
    expect(await one.claimSweep(200)).toBe(false);
  });

  it('goes to another when the connection of the one that has it is cut off', async () => {
    const [one, two] = [await open(), await open()];
    const lease = 60_000;
    expect(await one.claimSweep(lease)).toBe(true);
    await fixture.database.query(`
      select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`);
    await claimed(two);
    expect(await one.claimSweep(lease)).toBe(false);
  });
});
