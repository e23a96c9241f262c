import type { Fault } from '../fault.js';
import { CONNECTIONS } from './connections.js';
import { SERVER } from './server.js';

/** All, in the order of the table. */
export const FAULTS: readonly Fault[] = [...CONNECTIONS, ...SERVER];
