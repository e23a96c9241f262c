import { describe, expect, it } from '@jest/globals';
import { type SessionStats, SessionService } from 'nestjs-mikro-session';
import { CHARTS } from '../operations/charts.js';
import { figuresOf } from '../operations/figures.js';
import { figuresTable } from './figures-table.js';
import { useShopApp } from './shop-app.js';

const shop = useShopApp();

describe('the operator’s page', () => {
  it('has a row for every figure that is drawn, without any script', async () => {
    const { text } = await shop.get('/operations', await shop.ada()).expect(200);
    const names = CHARTS.flatMap(({ lines }) => lines.map(({ name }) => name));
    expect(Object.keys(figuresTable(text))).toEqual(expect.arrayContaining(names));
  });

  it('and its stream are for staff', async () => {
    const grace = await shop.grace();
    await shop.get('/operations', grace).expect(403, /<h1>This page is not for you/);
    await shop.get('/operations/stream', grace).expect(403);
  });
});

describe('the stream of figures', () => {
  const open = async (url: string, cookie: string) => {
    const ended = new AbortController();
    const response = await fetch(`${url}/operations/stream`, { headers: { cookie }, signal: ended.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    return {
      response,
      /** The data of the next event; `null` at the end. */
      async next(): Promise<Record<string, number | null>[] | null> {
        for (;;) {
          const [event, data] = /^(?:id: .*\n)?data: (.*)\n\n/m.exec(text) ?? [];
          if (event !== undefined && data !== undefined) {
            text = text.slice(text.indexOf(event) + event.length);
            return JSON.parse(data) as Record<string, number | null>[];
          }
          const { value, done } = await reader.read();
          if (done) return null;
          text += value;
        }
      },
      close: () => ended.abort(),
    };
  };

  it('goes on every two seconds, counts sessions while it is watched, and begins with what was kept', async () => {
    const url = await listening();
    const ada = await shop.ada();
    const stream = await open(url, ada.cookie);
    expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await stream.next();
    const [one] = (await stream.next()) ?? [];
    const [two] = (await stream.next()) ?? [];
    stream.close();
    expect(Number(two?.['at']) - Number(one?.['at'])).toBeGreaterThan(1_000);
    expect(two?.['live']).toBe(await shop.app.get(SessionService, { strict: false }).count());
    const later = await open(url, ada.cookie);
    expect(await later.next()).toEqual(expect.arrayContaining([one, two]));
    later.close();
  });

  it('ends when the session of the one who watches is revoked', async () => {
    const url = await listening();
    const ada = await shop.ada();
    const stream = await open(url, ada.cookie);
    await stream.next();
    await shop.app.get(SessionService, { strict: false }).revoke(ada.session.id);
    expect(await stream.next()).toBeNull();
  });

  it('does not keep the session alive', async () => {
    const url = await listening();
    const ada = await shop.ada();
    const before = ada.session.expiresAt.getTime();
    const stream = await open(url, ada.cookie);
    await stream.next();
    await stream.next();
    stream.close();
    const sessions = shop.app.get(SessionService, { strict: false });
    await sessions.flush();
    expect((await sessions.find(ada.session.id))?.expiresAt.getTime()).toBe(before);
  });

  let address: Promise<string> | undefined;
  const listening = () => (address ??= shop.app.listen(0, '127.0.0.1').then(() => shop.app.getUrl()));
});

describe('the figures of a time', () => {
  /** Totals of a process; of those that are not named, none. */
  const totals = (accepted: number, unknown: number, created: number, conflicts: number, find: object, batch: object) =>
    ({
      tokens: { accepted, rejected: { unknown, malformed: 0 } },
      sessions: { created },
      commits: { conflicts },
      statements: { find: { duration: find }, commit: { duration: NONE }, count: { duration: { count: 9, sum: 9 } } },
      queues: { find: { batchSize: batch }, commit: { batchSize: NONE } },
    }) as unknown as SessionStats;
  const NONE = { count: 0, sum: 0 };
  const start = totals(100, 0, 0, 7, { count: 50, sum: 500 }, NONE);
  const end = totals(106, 1, 1, 9, { count: 54, sum: 502 }, { count: 4, sum: 7 });

  it('are what was added in it, by second, by request and by statement', () => {
    expect(figuresOf(end, start, 2, 3)).toEqual({
      live: 3,
      requests: 4,
      statements: 0.5,
      lookupBatch: 1.75,
      commitBatch: null,
      lookupTime: 0.5,
      commitTime: null,
      conflicts: 2,
    });
  });

  it('are those since the start where there is no time before', () => {
    expect(figuresOf(end, null, 54, null)).toMatchObject({ live: null, requests: 2, statements: 0.5, conflicts: 9 });
  });

  it('are not known where nothing happened, or the store sends no statements', () => {
    expect(figuresOf(start, start, 2, null)).toMatchObject({ requests: 0, statements: null, lookupTime: null });
    const memory = { ...end, statements: null, queues: null };
    expect(figuresOf(memory, null, 2, 1)).toMatchObject({ statements: null, lookupBatch: null, lookupTime: null });
  });
});
