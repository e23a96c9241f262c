import type { Fault } from '../fault.js';
import { APPLICATION } from './application.js';
import { CACHE } from './cache.js';
import { CAPACITY } from './capacity.js';
import { CONNECTIONS } from './connections.js';
import { FAILOVER } from './failover.js';
import { LOCKS } from './locks.js';
import { NETWORK } from './network.js';
import { POOLERS } from './poolers.js';
import { SCHEMA } from './schema.js';
import { SERVER } from './server.js';
import { SWEEP } from './sweep.js';

/** All, in the order of the table. */
export const FAULTS: readonly Fault[] = [
  ...CONNECTIONS,
  ...SERVER,
  ...NETWORK,
  ...FAILOVER,
  ...CAPACITY,
  ...LOCKS,
  ...SCHEMA,
  ...APPLICATION,
  ...POOLERS,
  ...CACHE,
  ...SWEEP,
];
