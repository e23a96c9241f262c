import type { Environment } from '../environment/environment.js';
import { connect } from '../environment/postgres-server.js';
import type { Act, OnceFigures } from '../results.js';
import type { ServerProcess } from '../server-process.js';
import type { Entrant } from './entrant.js';
import { Meters } from './meters.js';
import { ONCE_CONNECTIONS, requestText, sendOnce } from './once-load.js';
import { assertSeeded, shuffled } from './sessions.js';
import { spreadOf, spreadOfKnown } from './statistics.js';

/** How many requests of each kind warm a server up, and how many are measured then. After 2,000, half of the time is still V8's compiler's. */
export const ONCE_WARM_UP = 12_000;
const COUNTED = 6_000;

/** What one round showed. CPU times in microseconds a request. */
interface OnceSample {
  readonly perSecond: number;
  readonly serverCpu: number | null;
  readonly postgresCpu: number | null;
}

/** First writes of new visitors, and logins of the sessions that came of them: each once, in turns. */
export async function onceRounds(
  entrants: readonly Entrant[],
  environment: Environment,
  rounds: number,
  signal: AbortSignal,
  onTurn: (name: string, round: number) => void,
): Promise<OnceFigures[]> {
  const pages = entrants.flatMap((entrant) =>
    (['first write', 'login'] as const).map((act) => ({ entrant, act, samples: [] as OnceSample[] })),
  );
  for (let round = 1; round <= rounds; round += 1) {
    for (const entrant of entrants) {
      onTurn(entrant.contestant.name, round);
      await takeOnceTurn(entrant, environment, signal, (act, sample) => {
        pages.find((page) => page.entrant === entrant && page.act === act)?.samples.push(sample);
      });
    }
  }
  return pages.map(({ entrant: { contestant }, act, samples }) => ({
    contestant: contestant.name,
    platform: contestant.platform,
    act,
    requests: COUNTED,
    perSecond: spreadOf(samples.map(({ perSecond }) => perSecond)),
    serverCpu: spreadOfKnown(samples.map(({ serverCpu }) => serverCpu)),
    postgresCpu: spreadOfKnown(samples.map(({ postgresCpu }) => postgresCpu)),
  }));
}

async function takeOnceTurn(
  entrant: Entrant,
  environment: Environment,
  signal: AbortSignal,
  onSample: (act: Act, sample: OnceSample) => void,
): Promise<void> {
  const server = await entrant.start(signal);
  const database = await connect(entrant.databaseUrl);
  try {
    const meters = new Meters(server, environment.postgres, null, database);
    const before = await entrant.census();
    const visitors = Array.from({ length: ONCE_WARM_UP + COUNTED }, () => requestText('POST', '/seed', null));
    const born = await take(server, meters, visitors, signal);
    onSample('first write', born.sample);
    const credentials = assertFresh(entrant, 'first write', born.cookies, []);
    await assertCensus(entrant, before, credentials.length, 0);

    const logins = credentials.map((cookie) => requestText('POST', '/login', cookie));
    const signedIn = await take(server, meters, logins, signal);
    onSample('login', signedIn.sample);
    const [one] = assertFresh(entrant, 'login', signedIn.cookies, credentials);
    await assertCensus(entrant, before, credentials.length, credentials.length);
    await assertSeeded(server.port, one as string);
  } finally {
    await database.end();
    await server.stop();
  }
}

/** The first requests warm the server up, the others are measured. The cookies are those of all, in a random order. */
async function take(
  server: ServerProcess,
  meters: Meters,
  requests: readonly string[],
  signal: AbortSignal,
): Promise<{ sample: OnceSample; cookies: (string | null)[] }> {
  const warming = await sendOnce(server.port, requests.slice(0, ONCE_WARM_UP), ONCE_CONNECTIONS, signal);
  const counted = requests.slice(ONCE_WARM_UP);
  const { result, spent } = await meters.around(() => sendOnce(server.port, counted, ONCE_CONNECTIONS, signal));
  const each = (total: number | null): number | null => (total === null ? null : total / counted.length);
  return {
    sample: {
      perSecond: result.perSecond,
      serverCpu: each(spent.serverCpu),
      postgresCpu: each(spent.postgresCpu),
    },
    cookies: shuffled([...warming.cookies, ...result.cookies]),
  };
}

/** Every answer must have brought a credential of its own, and none that there was before. @throws {Error} otherwise. */
function assertFresh(
  { contestant }: Entrant,
  act: Act,
  cookies: readonly (string | null)[],
  before: readonly string[],
): string[] {
  const known = new Set(before);
  const fresh = new Set(cookies.filter((cookie) => cookie !== null && !known.has(cookie)) as string[]);
  if (fresh.size === cookies.length) return [...fresh];
  throw new Error(
    `"${contestant.name}" answered ${cookies.length} requests (${act}), but gave ${fresh.size} new credentials.`,
  );
}

/** @throws {Error} if there are not as many more sessions as there must be. */
async function assertCensus(
  entrant: Entrant,
  before: { readonly sessions: number; readonly owned: number },
  sessions: number,
  owned: number,
): Promise<void> {
  const now = await entrant.census();
  const [more, moreOwned] = [now.sessions - before.sessions, now.owned - before.owned];
  if (more === sessions && moreOwned === owned) return;
  throw new Error(
    `"${entrant.contestant.name}" should have ${sessions} sessions more, ${owned} of them of users, but has ${more} and ${moreOwned}.`,
  );
}
