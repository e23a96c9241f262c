import { CONTESTANTS, isOursByDefault } from '../contestants.js';
import type { Contestant } from '../contestants.js';
import type { Environment } from '../environment/environment.js';
import { connect } from '../environment/postgres-server.js';
import type { MemoryFigures, MemoryUse } from '../results.js';
import { Filler } from '../scale/filler.js';
import { ServerProcess } from '../server-process.js';
import type { Setting } from '../servers/setting.js';
import { POOL_SIZE } from './entrant.js';
import { requestText, sendOnce } from './once-load.js';
import { spreadOf } from './statistics.js';

/** How many sessions are in use, and how many in the process that it is compared with. */
const SESSIONS = 100_000;
const FEW = 64;
const CONNECTIONS = 64;
/** How often each session is visited. */
const VISITS = 2;
/**
 * A session comes again when so many others have been visited. Much later, a process takes it for one that hardly ever comes,
 * and keeps nothing of it.
 */
const APART = 1_000;

/** Of one process, in bytes. */
interface Use {
  readonly rss: number;
  readonly heap: number;
}

/** What a process of ours needs for many sessions, and for few after as many requests, in turns. */
export async function measureMemory(
  environment: Environment,
  rounds: number,
  signal: AbortSignal,
  onTurn: (sessions: number, round: number) => void,
): Promise<MemoryFigures> {
  const setting: Setting = {
    contestant: CONTESTANTS.find(isOursByDefault) as Contestant,
    databaseUrl: await environment.postgres.createDatabase('memory use'),
    redisUrls: [],
    poolSize: POOL_SIZE,
    secret: '',
    idleSeconds: 6 * 3600,
  };
  // Creates the table.
  await (await ServerProcess.start(setting, signal)).stop();
  const database = await connect(setting.databaseUrl);
  try {
    const filler = new Filler(database);
    await filler.fill(0, SESSIONS, false, signal);
    const [few, many]: [Use[], Use[]] = [[], []];
    for (let round = 1; round <= rounds; round += 1) {
      onTurn(FEW, round);
      few.push(await useOf(setting, filler, FEW, signal));
      onTurn(SESSIONS, round);
      many.push(await useOf(setting, filler, SESSIONS, signal));
    }
    return {
      sessions: SESSIONS,
      fewSessions: FEW,
      requests: SESSIONS * VISITS,
      many: memoryUse(many),
      few: memoryUse(few),
    };
  } finally {
    await database.end();
  }
}

async function useOf(setting: Setting, filler: Filler, sessions: number, signal: AbortSignal): Promise<Use> {
  const server = await ServerProcess.start(setting, signal, ['--expose-gc']);
  try {
    for (let first = 0; first < SESSIONS; first += APART) {
      const requests = Array.from({ length: APART }, (_, index) =>
        requestText('GET', '/read', filler.cookie((first + index) % sessions)),
      );
      for (let visit = 1; visit <= VISITS; visit += 1) await sendOnce(server.port, requests, CONNECTIONS, signal);
    }
    const { rss, heap } = await server.statistics();
    return { rss, heap };
  } finally {
    await server.stop();
  }
}

function memoryUse(uses: readonly Use[]): MemoryUse {
  return { rss: spreadOf(uses.map(({ rss }) => rss)), heap: spreadOf(uses.map(({ heap }) => heap)) };
}
