import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A process that has nothing to do with the server's, but for the database. */
export interface SecondProcess {
  /** What is stored of a session at this moment; `null` if there is no row. */
  read(id: string): Promise<Record<string, unknown> | null>;
  stop(): Promise<void>;
}

type Found = { readonly number: number; readonly data: Record<string, unknown> | null };

export async function startSecondProcess(databaseUrl: string): Promise<SecondProcess> {
  const child = fork(join(import.meta.dirname, 'reader.mjs'), [databaseUrl], { execArgv: [] });
  const exited = once(child, 'exit');
  const waiting = new Map<number, (data: Found['data']) => void>();
  let count = 0;
  await once(child, 'message');
  child.on('message', ({ number, data }: Found) => {
    waiting.get(number)?.(data);
    waiting.delete(number);
  });
  return {
    read: (id) =>
      new Promise((resolve) => {
        const number = ++count;
        waiting.set(number, resolve);
        child.send({ number, id });
      }),
    stop: async () => {
      child.disconnect();
      await exited;
    },
  };
}
