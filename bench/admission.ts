import { type Contestant, needsRedis } from './contestants.js';
import type { Environment } from './environment/environment.js';
import { Entrant } from './measure/entrant.js';
import type { Results } from './results.js';

/** Who takes part, and who cannot. */
export interface Admission {
  readonly entrants: readonly Entrant[];
  readonly missing: Results['missing'];
}

/** Checks each contestant, and gives it its sessions. One that does not work is left out. */
export async function admitAll(
  environment: Environment,
  contestants: readonly Contestant[],
  signal: AbortSignal,
  log: (text: string) => void,
): Promise<Admission> {
  const entrants: Entrant[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const contestant of contestants) {
    signal.throwIfAborted();
    const { name } = contestant;
    if (needsRedis(contestant) && !environment.redis.has(contestant.store)) {
      missing.push({ name, reason: 'redis-server is not installed' });
      continue;
    }
    try {
      entrants.push(await Entrant.admit(contestant, environment, signal));
      log(`${name}: verified`);
    } catch (error) {
      signal.throwIfAborted();
      missing.push({ name, reason: reasonOf(error) });
      log(`${name}: left out. ${reasonOf(error)}`);
    }
  }
  return { entrants, missing };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
