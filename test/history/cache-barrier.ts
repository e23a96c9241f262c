import { setTimeout } from 'node:timers/promises';
import type { HttpClient } from './client.js';

/** A message that takes longer is lost, in milliseconds. */
const PATIENCE = 20_000;

/**
 * Makes sure that every process has heard of all that the others have changed so far. Messages come in the order of the
 * changes: a process that has heard of the end of a session that it had a copy of has heard of everything before.
 *
 * @throws {Error} when the messages do not reach a process in time.
 */
export async function cacheBarrier(servers: readonly HttpClient[]): Promise<void> {
  await Promise.all(
    servers.map((server) =>
      awaitInvalidation(
        server,
        servers.filter((other) => other !== server),
      ),
    ),
  );
}

async function awaitInvalidation(server: HttpClient, others: readonly HttpClient[]): Promise<void> {
  const { cookie, trace } = await server.visit([{ kind: 'set', key: 'probe', write: 0 }], null);
  if (cookie === null || trace === null) throw new Error('A probe was not stored.');
  const isThere = async (other: HttpClient): Promise<boolean> =>
    (await other.visit([{ kind: 'read' }], cookie)).trace?.isNew === false;
  for (const other of others) if (!(await isThere(other))) throw new Error('A probe that was stored is not there.');
  await server.revoke({ kind: 'revoke', id: trace.id });
  const deadline = performance.now() + PATIENCE;
  for (const other of others) {
    while (await isThere(other)) {
      if (performance.now() > deadline) throw new Error('A process does not hear of what another one changes.');
      await setTimeout(1);
    }
  }
}
