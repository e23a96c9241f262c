import { strictEqual } from 'node:assert';
import type { Fault } from '../fault.js';
import type { Cluster } from '../postgres/cluster.js';
import type { World } from '../world.js';

/** Another server takes over, which has all that was acknowledged: it follows synchronously. */
export const FAILOVER: readonly Fault[] = [
  {
    name: 'failover',
    title: 'the primary crashes, a hot standby takes over',
    server: { hasStandby: true },
    async run(world) {
      await world.cluster.stop('immediate');
      world.proxy.lead((await promoted(world)).port);
    },
  },
  {
    name: 'failover-hung',
    title: 'the primary hangs for good, a hot standby takes over',
    server: { hasStandby: true },
    async run(world) {
      world.atEnd(await world.cluster.freeze());
      world.proxy.lead((await promoted(world)).port);
    },
  },
  {
    name: 'failover-read-only',
    title: 'the same, planned; the old primary is back read-only, and still connected to',
    server: { hasStandby: true },
    async run(world) {
      const old = world.cluster;
      await old.stop('fast');
      const standby = await promoted(world);
      await old.follow(standby);
      await old.start();
      const [row] = await old.query<{ isStandby: boolean }>('postgres', 'select pg_is_in_recovery() as "isStandby"');
      strictEqual(row?.isStandby, true);
      // As long as names still lead to it.
      await world.during(1_500);
      world.proxy.lead(standby.port);
    },
  },
  {
    name: 'failover-promoted',
    title: 'a hot standby is promoted while the primary goes on, and the primary killed later',
    server: { hasStandby: true },
    async run(world) {
      const old = world.cluster;
      const standby = await promoted(world);
      // What the old one commits now has no standby, and must not be acknowledged.
      await world.during(2_500);
      await old.stop('immediate');
      world.proxy.lead(standby.port);
    },
  },
];

/** The standby, which has become the primary: what is looked at from now on. */
async function promoted(world: World): Promise<Cluster> {
  const { standby } = world;
  if (standby === null) throw new Error('There is no standby.');
  await standby.promote();
  world.moveTo(standby);
  return standby;
}
