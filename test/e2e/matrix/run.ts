import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AppDefinition, type TestApp, useApp } from '../../support/app.js';
import type { TestDatabase } from '../../support/database.js';
import type { Exchange, RequestSpec } from '../../support/exchange.js';
import { type Platform, PLATFORMS_AND_HTTP2, sendTo } from '../../support/platform.js';
import { type SecondProcess, startSecondProcess } from '../../support/second-process.js';
import { whileTesting } from '../../support/while-testing.js';
import type { AnswerScenario, Group, OwnScenario, Scenario } from './scenarios.js';

/** An application on one of the platforms, and another process that can see what it has stored. */
export interface World {
  readonly app: TestApp;
  readonly send: (spec: RequestSpec) => Exchange;
  readonly database: TestDatabase;
  readonly second: SecondProcess;
}

export type MatrixApp = Omit<AppDefinition, 'platform'>;

/**
 * Every write takes its time, so that a response that is sent before its session is stored is found out. The statement
 * sleeps in the database, which cannot be told from a busy one.
 */
const SLOW_WRITES = `
  create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.01); return null; end $$;
  create trigger slow before insert or update on sessions for each statement execute function slow();`;

function useWorld(platform: Platform, definition: MatrixApp): () => World {
  const fixture = useApp({ platform, ...definition });
  let world: World | undefined;
  beforeAll(async () => {
    const { app, database } = fixture;
    await database.query(SLOW_WRITES);
    const send = (spec: RequestSpec): Exchange => sendTo(platform)(app.url, spec);
    world = { app, send, database, second: await startSecondProcess(database.url) };
  });
  afterAll(() => world?.second.stop());
  return () => whileTesting(world);
}

function describePlatforms<Kind extends Scenario>(
  { title, scenarios }: Group<Kind>,
  definition: MatrixApp,
  test: (scenario: Kind, world: () => World) => void,
): void {
  describe.each(PLATFORMS_AND_HTTP2)(`${title}, on %s`, (platform) => {
    const world = useWorld(platform, definition);
    for (const scenario of scenarios) {
      if (scenario.on === undefined || scenario.on.includes(platform)) test(scenario, world);
    }
  });
}

/** Runs every scenario of a group on every platform where there is such a thing. */
export function runAnswers(group: Group<AnswerScenario>, definition: MatrixApp): void {
  describePlatforms(group, definition, (scenario, world) => {
    const { name, outcome = 'saved' } = scenario;
    it(`${name}: ${outcome}, by a visitor who is new`, () => expectOfNewcomer(world(), scenario));
    it(`${name}: ${outcome}, by a visitor who has a session`, () => expectOfVisitor(world(), scenario));
  });
}

/** The same for scenarios with tests of their own: one for each, by its name. */
export function runOwn(
  group: Group<OwnScenario>,
  definition: MatrixApp,
  tests: Record<string, (world: World) => Promise<void>>,
): void {
  const unknown = Object.keys(tests).filter((name) => !group.scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) throw new Error(`${group.file} tests what is not in scenarios.ts: ${unknown.join(', ')}.`);
  describePlatforms(group, definition, ({ name, promise }, world) => {
    const expectKept = tests[name];
    if (expectKept === undefined) throw new Error(`${group.file} has no test of "${name}".`);
    it(`${name}: ${promise}`, () => expectKept(world()));
  });
}

/** Sends the request of a scenario; the handler stores the mark, which no other request has. */
export function sendMarked({ send }: World, scenario: AnswerScenario, mark: string, cookie?: string) {
  const { path, method, headers, upload } = scenario;
  return send({
    path: `${path}${path.includes('?') ? '&' : '?'}mark=${mark}`,
    headers: { ...headers, ...(cookie !== undefined && { cookie }) },
    ...(method !== undefined && { method }),
    ...(upload !== undefined && { body: upload }),
  });
}

/** The session's cookies among those that an answer sets. */
export function sessionCookies(headers: { readonly 'set-cookie'?: string[] | undefined }): string[] {
  return (headers['set-cookie'] ?? []).filter((line) => line.startsWith('session_id='));
}

export function idIn(cookie: string | undefined): string {
  return /session_id=([^.]+)\./.exec(cookie ?? '')?.[1] ?? 'no id';
}

async function expectOfNewcomer(world: World, scenario: AnswerScenario): Promise<void> {
  const { second, database } = world;
  const mark = randomUUID();
  const exchange = sendMarked(world, scenario, mark);
  const { status, headers } = await exchange.head;
  const cookies = sessionCookies(headers);
  const atFirstByte = cookies[0] === undefined ? null : await second.read(idIn(cookies[0]));
  await exchange.answer;
  const rows = await database.query(`select from sessions where data->>'mark' = $1`, [mark]);
  // First: an answer that is another has acknowledged nothing.
  expectAnswer(scenario, status, headers);
  expect({ mark: atFirstByte?.['mark'], cookies: cookies.length, rows: rows.length }).toEqual(
    scenario.outcome === 'discarded' ? { mark: undefined, cookies: 0, rows: 0 } : { mark, cookies: 1, rows: 1 },
  );
}

async function expectOfVisitor(world: World, scenario: AnswerScenario): Promise<void> {
  const { second, app } = world;
  const { session, cookie } = await app.sessions.create({ data: { mark: 'before' } });
  const mark = randomUUID();
  const exchange = sendMarked(world, scenario, mark, cookie);
  const { status, headers } = await exchange.head;
  const atFirstByte = await second.read(session.id);
  expectAnswer(scenario, status, headers);
  const saved = scenario.outcome !== 'discarded';
  expect(atFirstByte).toMatchObject({ mark: saved ? mark : 'before' });
  await exchange.answer;
  expect(await second.read(session.id)).toMatchObject({ mark: saved ? mark : 'before' });
  expect(sessionCookies(headers)).toEqual([]);
}

function expectAnswer(
  { status: expected = 200, header }: AnswerScenario,
  status: number,
  headers: Record<string, unknown>,
): void {
  expect({ status, header: header && headers[header[0]] }).toEqual({ status: expected, header: header?.[1] });
}

/** Looks again and again, for a few seconds, until it finds what is expected. */
export async function eventually(look: () => Promise<unknown>, expected: unknown): Promise<void> {
  const end = Date.now() + 3_000;
  for (;;) {
    const found = await look();
    try {
      expect(found).toEqual(expected);
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
