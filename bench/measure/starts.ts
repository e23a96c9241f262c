import type { Contestant } from '../contestants.js';
import type { Environment } from '../environment/environment.js';
import { connect } from '../environment/postgres-server.js';
import type { StartFigures } from '../results.js';
import { ServerProcess } from '../server-process.js';
import type { Setting } from '../servers/setting.js';
import { POOL_SIZE } from './entrant.js';
import { spreadOf } from './statistics.js';

/** Of each of the two applications. */
export const STARTS = 11;

/** How long the same application takes to start with the module and without it, in turns. */
export async function measureStarts(
  environment: Environment,
  signal: AbortSignal,
  onTurn: (start: number) => void,
): Promise<StartFigures> {
  const databaseUrl = await environment.postgres.createDatabase('start');
  await createBooks(databaseUrl);
  // The first of each is not counted: it creates the table of sessions, and has Node's files read from the disk.
  await startOnce('without-module', databaseUrl, signal);
  await startOnce('with-module', databaseUrl, signal);
  const pairs: { readonly without: number; readonly with: number }[] = [];
  for (let start = 1; start <= STARTS; start += 1) {
    onTurn(start);
    const without = await startOnce('without-module', databaseUrl, signal);
    pairs.push({ without, with: await startOnce('with-module', databaseUrl, signal) });
  }
  const [plain, equipped] = [spreadOf(pairs.map((pair) => pair.without)), spreadOf(pairs.map((pair) => pair.with))];
  const { min, max } = spreadOf(pairs.map((pair) => pair.with / pair.without));
  return {
    starts: STARTS,
    without: plain,
    with: equipped,
    ratio: { median: equipped.median / plain.median, min, max },
  };
}

/** From the fork until it listens, in milliseconds. */
async function startOnce(which: Contestant['server'], databaseUrl: string, signal: AbortSignal): Promise<number> {
  const setting: Setting = {
    contestant: { name: which, platform: 'express', server: which, store: 'postgres' },
    databaseUrl,
    redisUrls: [],
    poolSize: POOL_SIZE,
    secret: '',
    idleSeconds: 1_800,
  };
  const start = performance.now();
  const server = await ServerProcess.start(setting, signal);
  const milliseconds = performance.now() - start;
  await server.stop();
  return milliseconds;
}

/** What the application has in its database besides sessions. */
async function createBooks(databaseUrl: string): Promise<void> {
  const client = await connect(databaseUrl);
  try {
    await client.query(`create table book (id serial primary key, title text not null)`);
    await client.query(`insert into book (title) select 'Volume ' || n from generate_series(1, 100) as n`);
  } finally {
    await client.end();
  }
}
