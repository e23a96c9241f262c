import type { Contestant } from '../contestants.js';

/** What the ratios are of. */
export const OURS = 'ours on Redis Cluster';
export const PEER = 'express-session + connect-redis on Redis Cluster';

const ours = (name: string, others: Partial<Contestant>): Contestant => ({
  name,
  platform: 'express',
  server: 'ours',
  store: 'redis cluster',
  ...others,
});

/** Each with its own sessions. */
export const CLUSTER_CONTESTANTS: readonly Contestant[] = [
  ours(OURS, {}),
  ours(`${OURS}, changes confirmed by a replica`, { redisOptions: { waitForReplicasOnCommit: true } }),
  { name: PEER, platform: 'express', server: 'express-session', store: 'redis cluster' },
  ours('ours on PostgreSQL', {
    store: 'postgres',
    sumOfCounts: `select sum((data->>'count')::int) from sessions`,
  }),
];
