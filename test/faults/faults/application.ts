import { strictEqual } from 'node:assert';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../../history/random.js';
import type { Fault } from '../fault.js';
import type { World } from '../world.js';

const HOUR = 3_600_000;
const BLOCKED = 3_000;
const STOPPED = 60_000;
const ABORTED = 1_000;
/** How many clients are there at the same time before they go. */
const AT_ONCE = 50;

/** Longer than any that is at work. */
const LEFT_OPEN = `state like 'idle in transaction%' and state_change < now() - interval '1 s'`;

/** The application itself, and its clients. */
export const APPLICATION: readonly Fault[] = [
  {
    name: 'application-killed',
    title: 'killed between save and response, and started again',
    async run(world) {
      const { application, health, load } = world;
      const { status, cookie, body } = await load.http.send('POST', '/write', null, { last: 1 });
      strictEqual(status, 200);
      health.expect(false);
      const ended = application.ended();
      await load.http.send('POST', '/die', cookie, { last: 2 });
      await ended;
      await application.start();
      health.expect(true);
      world.ended();
      const after = await load.http.send('GET', '/state', cookie);
      strictEqual(after.body.id, body.id, 'the session is not there');
      strictEqual(after.body.last, 2, 'what was saved before the kill is not there');
    },
  },
  {
    name: 'application-terminated',
    title: 'SIGTERM under load, and started again',
    async run({ application, health }) {
      health.expect(false);
      await application.end('SIGTERM');
      await application.start();
      health.expect(true);
    },
  },
  {
    name: 'application-clock',
    title: 'its clock an hour fast, then an hour slow, then right',
    async run({ application }) {
      for (const offset of [HOUR, -HOUR, 0]) {
        strictEqual(await application.ask('/clock', { offset }), 200);
        await pause(1_500);
      }
    },
  },
  {
    name: 'application-blocked',
    title: `a handler blocks the event loop for ${BLOCKED / 1_000} s`,
    pause: BLOCKED,
    async run({ application }) {
      strictEqual(await application.ask('/block', { milliseconds: BLOCKED }), 200);
    },
  },
  {
    name: 'application-stopped',
    title: `stopped for ${STOPPED / 1_000} s, and continued`,
    pause: STOPPED,
    async run({ application }) {
      application.freeze();
      await pause(STOPPED);
      application.thaw();
    },
  },
  {
    name: 'clients-aborted',
    title: `${ABORTED} clients that go away before they are answered`,
    async run(world) {
      const random = new Random(ABORTED);
      for (let left = ABORTED; left > 0; left -= AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => abort(world, random.integer(0, 20))));
      }
      world.ended();
      await world.during(1_500);
      strictEqual((await world.pids(LEFT_OPEN)).length, 0, 'a transaction was left open');
    },
  },
];

/** Begins a session, and goes before or while it is stored. */
async function abort({ application }: World, after: number): Promise<void> {
  const socket = net.connect(application.settings.port, '127.0.0.1');
  socket.on('error', () => {});
  const body = JSON.stringify({ last: 1 });
  socket.write(
    `POST /write HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await pause(after);
  socket.resetAndDestroy();
}
