import { strictEqual } from 'node:assert';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import type { Fault } from '../fault.js';
import { APPLICATION_ROLE } from '../postgres/cluster.js';
import { POOL, type World } from '../world.js';

const TROUBLE = 2_500;

/** Something is used up. */
export const CAPACITY: readonly Fault[] = [
  {
    name: 'connections-exhausted',
    title: 'others take all connections of the server',
    async run(world) {
      const others: pg.Client[] = [];
      try {
        // As the application has some, which end one by one.
        for (let rounds = 0; rounds < 3; rounds++) {
          await takeAll(world, others);
          await world.kill();
        }
        await takeAll(world, others);
        await world.during(TROUBLE);
      } finally {
        await Promise.all(others.map((client) => client.end()));
      }
    },
  },
  {
    name: 'pool-exhausted',
    title: `handlers hold all ${POOL} connections of MikroORM's pool`,
    held: POOL,
    async run(world) {
      const seconds = TROUBLE / 1_000;
      const holding = Array.from({ length: POOL }, () => world.application.ask('/hold', { seconds }));
      for (const status of await Promise.all(holding)) strictEqual(status, 200);
    },
  },
  {
    name: 'disk-full',
    title: 'the disk of the table is full',
    async run(world) {
      const disk = await world.smallDisk(16);
      await world.query(`create tablespace ${world.database} location '${disk}'`);
      world.atEnd(async () => {
        await world.query('alter table sessions set tablespace pg_default');
        await world.query(`drop tablespace ${world.database}`);
      });
      await world.query(`alter table sessions set tablespace ${world.database}`);
      await world.during(500);
      const before = world.load.answers.length;
      await whileFull(disk, () => world.during(TROUBLE));
      const refused = world.load.answers.slice(before).filter(({ status }) => status >= 500);
      strictEqual(refused.length > 0, true, 'nobody felt it');
    },
  },
  {
    name: 'disk-full-wal',
    title: 'the disk of the whole server is full; it is started again where it has ended',
    server: { diskMiB: 192 },
    async run(world) {
      await whileFull(join(world.cluster.folder, '..'), () => useUpLog(world));
      if (!(await world.cluster.isRunning())) await world.cluster.start();
      await world.cluster.answers();
    },
  },
];

/** Has the server begin new files of its log, until it has none left that it made before; then it panics. */
async function useUpLog(world: World): Promise<void> {
  let hasPanicked = false;
  for (const end = Date.now() + 2 * TROUBLE; Date.now() < end && !hasPanicked; await world.during(5)) {
    hasPanicked = await world.query('select pg_switch_wal()').then(
      () => false,
      () => true,
    );
  }
  strictEqual(hasPanicked, true, 'the server did not feel it');
  await world.during(TROUBLE);
}

async function takeAll(world: World, others: pg.Client[]): Promise<void> {
  for (;;) {
    try {
      others.push(await world.cluster.connect(world.database, APPLICATION_ROLE));
    } catch (error) {
      // "Too many connections".
      if ((error as { code?: string }).code === '53300') return;
      throw error;
    }
  }
}

/** Does something while not a byte more fits on a disk. */
async function whileFull(disk: string, act: () => Promise<void>): Promise<void> {
  const path = join(disk, 'filler');
  const file = await open(path, 'w');
  try {
    const block = Buffer.alloc(4_096);
    const write = (): Promise<boolean> =>
      file.write(block).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOSPC') return false;
          throw error;
        },
      );
    while (await write());
    await act();
  } finally {
    await file.close();
    await rm(path);
  }
}
