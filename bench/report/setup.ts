import { SETTINGS } from '../environment/postgres-server.js';
import type { Results } from '../results.js';

/** Under which conditions a run was made, one sentence each. */
export function setupOf({ date, machine, versions, setup }: Results): string[] {
  const { cpu, cores, memoryGiB, kernel, node } = machine;
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name} = ${value}`);
  return [
    `${date.slice(0, 16).replace('T', ' ')} UTC, ${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}.`,
    `Node ${node}, PostgreSQL ${versions.postgres}, Redis ${versions.redis ?? 'not installed'}, ${versions.wrk ?? 'no wrk'}.`,
    `${setup.rounds} rounds in turns (ABC ABC …), ${setup.duration} s each after ${setup.warmUp} s of warming up (${Math.min(setup.warmUp, setup.warmUpAgain)} s where the server has been under load already); medians (min–max).`,
    `${setup.sessions.toLocaleString('en-US')} sessions of ${setup.bytesPerSession} bytes of JSON, visited in a random order; every request renews the expiry (the peers: rolling).`,
    `PostgreSQL writes to disk for every commit (fsync and synchronous_commit on), with a pool of ${setup.poolSize} connections; ` +
      (setup.postgres === 'given'
        ? 'a server that was there.'
        : `its settings: defaults, but ${settings.join(', ')}.`) +
      (setup.postgres === 'embedded' ? ' It is the embedded one, which is compiled to be small, not fast.' : ''),
    `Redis has its default persistence: snapshots now and then, so what it has acknowledged can be lost. ` +
      `For contestants that are called durable, each write is on disk before it is acknowledged (appendonly, appendfsync always).`,
    `The load comes from the same ${cores} cores, as do the databases: what they need, the server does not get.`,
    `Statements are counted by ${setup.statementsCountedBy}.`,
  ];
}
