import type { Command } from '../command.js';
import { count } from './count.js';
import { doctor } from './doctor.js';
import { importOld } from './import.js';
import { purge } from './purge.js';
import { revoke } from './revoke.js';
import { schema } from './schema.js';
import { sessions } from './sessions.js';
import { show } from './show.js';

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [doctor, sessions, show, revoke, count, purge, importOld, schema];
