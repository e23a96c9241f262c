import type { SessionId } from '../../session/token.js';
import type { RedisConnections } from './connections.js';
import { touching } from './primary-confirmations.js';
import type { Keys } from './keys.js';
import type { ScriptRunner } from './script-runner.js';
import { ADD, CLAIM, LIST, RELEASE, REMOVE } from './scripts/index-scripts.js';
import * as session from './scripts/session-scripts.js';
import type { Script } from './scripts/script.js';

/** In milliseconds, if this process ends in the middle of it. */
const TTL = '10000';
const NO_CHANGES = ['0', '0', '0', '0'];
const ONE_OF_EACH = ['1', '"gone"', '1', '"set"', '1', '1', '"sum"', '1', '1', '"list"', '[1]'];

/**
 * Does once all that the store does, with a session of its own, so that a command that the user of Redis may not run is found
 * at the start and not at the first login.
 *
 * @param id one that no session has
 */
export async function tryEverything(
  runner: ScriptRunner,
  connections: RedisConnections,
  keys: Keys,
  id: SessionId,
): Promise<void> {
  const operation = 'try what sessions need';
  const [own, user, lease] = [keys.session(id), keys.user(id), `${keys.sweep}:${id}`];
  const fields = ['s', 'secret', 'g', '0', 'v', '0', 'b', '0'];
  const steps: readonly (readonly [Script, string, readonly string[]])[] = [
    [ADD, user, [id, '', TTL]],
    [LIST, user, []],
    [session.TOUCH, user, []],
    [session.CREATE, own, [TTL, '', '0', '1', ...fields]],
    [session.COMMIT, own, ['0', '', '1000', '0', '1', TTL, '', ...ONE_OF_EACH]],
    [session.RENEW, own, ['0', '0']],
    [session.ROTATE, own, ['0', 'secret', 'next']],
    [session.LOGIN, own, ['0', '', '1000', '0', '1', TTL, '', '1', 'last', '', '', '', '', ...NO_CHANGES]],
    [session.GLANCE, own, ['s']],
    [session.LOOK, own, []],
    [session.EXPIRE, own, []],
    [session.DELETE, own, ['', '']],
    [session.END, own, ['0', '']],
    [session.CONFIRM, own, ['']],
    [REMOVE, user, [id, '1', id, '']],
    [CLAIM, lease, [id, TTL]],
    [RELEASE, lease, [id]],
  ];
  for (const [script, key, args] of steps) {
    await runner.run(script, key, args, { operation, deadline: runner.deadline() });
  }
  await runner.fieldsOf(own, { operation, deadline: runner.deadline() });
  await connections.refresh(own);
  // Whoever waits for replicas sends it as it is.
  await runner.ask(operation, await connections.nodeOf(own), touching(own));
  for (const node of await runner.nodes(operation)) {
    await runner.ask(operation, node, ['SCAN', '0', 'MATCH', keys.allSessions, 'COUNT', '1']);
    await runner.ask(operation, node, ['WAIT', '0', '1']);
    if (connections.isCluster) await runner.ask(operation, node, ['ASKING']);
  }
}
