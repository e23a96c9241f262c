import { setTimeout as pause } from 'node:timers/promises';
import { type Fault, Skipped } from './fault.js';
import type { Site } from './site.js';
import { emptyRow, judge, type Row } from './verdict.js';
import { World } from './world.js';

/** How long the traffic goes on after a fault, in milliseconds: longer than anything may take that began within it. */
const AFTERWARDS = 2_500;
/** The longest that a fault takes, in milliseconds. */
const PATIENCE = 150_000;

/** Has a fault happen in a world of its own. Rejects only where what was started cannot be stopped. */
export async function play(site: Site, fault: Fault, seed: number, slack: number): Promise<Row> {
  let world: World | null = null;
  try {
    world = await World.open(site, fault);
    return await playIn(world, fault, seed, slack);
  } catch (error) {
    return failedRow(fault, error, []);
  } finally {
    await world?.close();
  }
}

/**
 * Has a fault happen under load, in a world that runs well. Never rejects.
 *
 * @param slack how much longer than promised everything may take, in milliseconds: where others need the machine, too
 */
export async function playIn(world: World, fault: Fault, seed: number, slack: number): Promise<Row> {
  try {
    // They stay in the pool.
    world.held = Math.max(world.held, fault.held ?? 0);
    await world.begin(seed);
    await Promise.race([fault.run(world), late()]);
    if (world.endedAt === Infinity) world.ended();
    await world.during(AFTERWARDS);
    await world.verify();
    return judge(fault, world, slack);
  } catch (error) {
    await world.rest();
    return failedRow(fault, error, world.application.wrongs);
  }
}

function failedRow(fault: Fault, error: unknown, wrongs: readonly string[]): Row {
  if (error instanceof Skipped) return emptyRow(fault, error.message, []);
  const story = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return emptyRow(fault, null, [...wrongs, `the fault itself failed: ${story}`]);
}

async function late(): Promise<never> {
  await pause(PATIENCE, undefined, { ref: false });
  throw new Error(`It did not end within ${PATIENCE} ms.`);
}
