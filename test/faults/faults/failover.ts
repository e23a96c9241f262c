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
      const standby = standbyOf(world);
      await world.cluster.stop('immediate');
      await standby.promote();
      world.moveTo(standby);
      world.proxy.lead(standby.port);
    },
  },
  {
    name: 'failover-hung',
    title: 'the primary hangs for good, a hot standby takes over',
    server: { hasStandby: true },
    async run(world) {
      const standby = standbyOf(world);
      const thaw = await world.cluster.freeze();
      world.atEnd(thaw);
      await standby.promote();
      world.moveTo(standby);
      world.proxy.lead(standby.port);
    },
  },
  {
    name: 'failover-read-only',
    title: 'the same, planned; the old primary is back read-only, and still connected to',
    server: { hasStandby: true },
    async run(world) {
      const standby = standbyOf(world);
      const old = world.cluster;
      await old.stop('fast');
      await standby.promote();
      world.moveTo(standby);
      await old.follow(standby);
      await old.start();
      const [row] = await old.query<{ isStandby: boolean }>('postgres', 'select pg_is_in_recovery() as "isStandby"');
      strictEqual(row?.isStandby, true);
      // As long as names still lead to it.
      await world.during(1_500);
      world.proxy.lead(standby.port);
    },
  },
];

function standbyOf({ standby }: World): Cluster {
  if (standby === null) throw new Error('There is no standby.');
  return standby;
}
