import type { Fault } from '../fault.js';
import type { World } from '../world.js';

/** Longer than a request may take, in milliseconds. */
const HELD = 2_500;

/** Other transactions are in the way. */
export const LOCKS: readonly Fault[] = [
  {
    name: 'rows-locked',
    title: 'the rows of three visitors locked',
    run: (world) =>
      inTransaction(
        world,
        () =>
          `select from sessions where id in (${world.load.ids
            .slice(0, 3)
            .map((id) => `'${id}'`)
            .join()}) for update`,
        HELD,
      ),
  },
  {
    name: 'table-locked',
    title: 'the table locked',
    run: (world) => inTransaction(world, () => 'lock table sessions in access exclusive mode', HELD),
  },
  {
    name: 'deadlocks',
    title: 'one write of ten refused as a deadlock, rows locked crosswise',
    run: (world) =>
      whileRefusing(world, '40P01', async () => {
        for (const end = Date.now() + HELD; Date.now() < end;) {
          const ids = world.load.ids.toSorted().toReversed().slice(0, 4);
          await inTransaction(
            world,
            () => ids.map((id) => `update sessions set ip = ip where id = '${id}'`).join('; '),
            20,
          ).catch(() => {});
        }
      }),
  },
  {
    name: 'serialization-failures',
    title: 'transactions serializable by default, one write of ten refused',
    async run(world) {
      const setting = 'default_transaction_isolation';
      await world.query(`alter role application set ${setting} = 'serializable'`);
      try {
        await world.kill();
        await whileRefusing(world, '40001', () => world.during(HELD));
      } finally {
        await world.query(`alter role application reset ${setting}`);
      }
      await world.kill();
    },
  },
];

/** Runs statements in a transaction that stays open for a while. */
async function inTransaction(world: World, statements: () => string, milliseconds: number): Promise<void> {
  const client = await world.cluster.connect(world.database);
  try {
    await client.query(`begin; ${statements()}`);
    await world.during(milliseconds);
  } finally {
    await client.query('rollback');
    await client.end();
  }
}

/** Has the server refuse one write of ten. */
async function whileRefusing(world: World, code: string, act: () => Promise<void>): Promise<void> {
  await world.query(`
    create function refuse() returns trigger language plpgsql as $$
    begin
      if random() < 0.1 then raise exception 'refused' using errcode = '${code}'; end if;
      return new;
    end $$;
    create trigger refuse before update on sessions for each row execute function refuse()`);
  try {
    await act();
  } finally {
    await world.query('drop trigger refuse on sessions; drop function refuse()');
  }
}
