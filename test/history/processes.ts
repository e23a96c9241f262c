import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A server process of ours. */
export interface ServerProcess {
  readonly port: number;
  /** Ends it: it goes by itself once it is let go, and is killed if it does not. */
  end(): Promise<void>;
}

const SERVER = fileURLToPath(new URL('server.js', import.meta.url));
const PATIENCE = 60_000;
const TIME_TO_LEAVE = 15_000;

/**
 * Starts a server.
 *
 * @param options of its SessionModule, as JSON
 * @param onExit is called if it ends before it is told to
 */
export async function startServer(options: string, onExit: (reason: string) => void): Promise<ServerProcess> {
  const child = fork(SERVER, [options], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] });
  let isEnding = false;
  const exited = new Promise<void>((resolve) =>
    child.once('exit', (code, signal) => {
      resolve();
      if (!isEnding) onExit(`A server process (${child.pid}) ended by itself: ${String(signal ?? code)}.`);
    }),
  );
  const end = async (): Promise<void> => {
    isEnding = true;
    if (child.connected) child.disconnect();
    await Promise.race([exited, setTimeout(TIME_TO_LEAVE, undefined, { ref: false })]);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  };
  try {
    return { port: await portOf(child, exited), end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function portOf(child: ChildProcess, exited: Promise<void>): Promise<number> {
  const told = once(child, 'message', { signal: AbortSignal.timeout(PATIENCE) });
  const gone = exited.then(() => {
    throw new Error('A server process did not start.');
  });
  const [message] = (await Promise.race([told, gone])) as [{ port: number }];
  gone.catch(() => {});
  return message.port;
}
