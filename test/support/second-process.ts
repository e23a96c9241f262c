import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A process that has nothing to do with the server's, but for the database. */
export interface SecondProcess {
  /** What is stored of a session at this moment; `null` if there is no row. Rejects where that cannot be told. */
  read(id: string): Promise<Record<string, unknown> | null>;
  stop(): Promise<void>;
}

type Data = Record<string, unknown> | null;
type Found = { readonly number: number; readonly data?: Data; readonly error?: string };

export async function startSecondProcess(databaseUrl: string): Promise<SecondProcess> {
  const child = fork(join(import.meta.dirname, 'reader.mjs'), [databaseUrl], { execArgv: [] });
  const exited = once(child, 'exit');
  const waiting = new Map<number, PromiseWithResolvers<Data>>();
  let count = 0;
  await once(child, 'message');
  child.on('message', ({ number, data = null, error }: Found) => {
    const reading = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) reading?.resolve(data);
    else reading?.reject(new Error(`The second process could not read: ${error}`));
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('The second process has ended.'));
    waiting.clear();
  });
  return {
    read: (id) => {
      const reading = Promise.withResolvers<Data>();
      const number = ++count;
      waiting.set(number, reading);
      child.send({ number, id }, (error) => {
        if (error !== null) reading.reject(error);
      });
      return reading.promise;
    },
    stop: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
