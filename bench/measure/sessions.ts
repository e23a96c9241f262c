import { writeFile } from 'node:fs/promises';
import { HttpClient } from '../http-client.js';
import { readingOf, sampleData } from '../sample-data.js';

const PARALLEL = 64;

/** Creates sessions the way visitors do, and returns their `Cookie` headers, in a random order. */
export async function seedSessions(port: number, count: number, signal: AbortSignal): Promise<string[]> {
  const client = new HttpClient(port, PARALLEL);
  const cookies: string[] = [];
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      signal.throwIfAborted();
      started += 1;
      const answer = await client.send('POST', '/seed');
      const [cookie] = answer.cookies;
      if (answer.status > 299 || cookie === undefined) throw new Error(`A session was not created: ${answer.body}`);
      cookies.push(cookie);
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  } finally {
    client.close();
  }
  return shuffled(cookies);
}

export async function writeCookies(file: string, cookies: readonly string[]): Promise<void> {
  await writeFile(file, cookies.map((cookie) => `${cookie}\n`).join(''));
}

/** Counts twice in one session. @throws {Error} for a wrong answer. */
export async function assertCounts(port: number, cookie: string): Promise<void> {
  await expectAnswer(port, 'POST', '/count', cookie, { count: 1 });
  await expectAnswer(port, 'POST', '/count', cookie, { count: 2 });
}

/** Reads that session, in a process that has not seen it: from the store. @throws {Error} for a wrong answer. */
export async function assertCounted(port: number, cookie: string): Promise<void> {
  await expectAnswer(port, 'GET', '/read', cookie, readingOf({ ...sampleData(), count: 2 }));
}

/** Reads a session that has been filled, and not counted in. @throws {Error} for a wrong answer. */
export async function assertSeeded(port: number, cookie: string): Promise<void> {
  await expectAnswer(port, 'GET', '/read', cookie, readingOf(sampleData()));
}

/** A server without sessions still has to give the answers. @throws {Error} for a wrong one. */
export async function assertBare(port: number): Promise<void> {
  await expectAnswer(port, 'GET', '/read', undefined, readingOf(sampleData()));
  await expectAnswer(port, 'POST', '/count', undefined, { count: 1 });
}

async function expectAnswer(
  port: number,
  method: 'GET' | 'POST',
  path: string,
  cookie: string | undefined,
  expected: object,
): Promise<void> {
  const client = new HttpClient(port, 1);
  try {
    const { status, body } = await client.send(method, path, cookie);
    if (status >= 200 && status <= 299 && body === JSON.stringify(expected)) return;
    throw new Error(`${method} ${path} should answer ${JSON.stringify(expected)}, but was ${status} ${body}`);
  } finally {
    client.close();
  }
}

/** Rows that were created together lie together, but their visitors do not come together. */
export function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .toSorted((one, other) => one.key - other.key)
    .map(({ item }) => item);
}
