import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Session } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { blockFor } from '../support/block.js';

const TIMEOUT = 800;
/** More than are looked up, or written, at the same time. */
const VISITORS = 100;

/** Blocks the event loop, once so many have come and sent what they send in this turn. */
class Blocker {
  #left = Infinity;

  after(visitors: number): void {
    this.#left = visitors;
  }

  come(): void {
    if (--this.#left !== 0) return;
    setImmediate(() => blockFor(2 * TIMEOUT));
  }
}

const before = new Blocker();
const after = new Blocker();

@Controller()
class VisitedController {
  @Get('visit')
  visit(@Session() session: Session): boolean {
    return session.isNew;
  }

  @Post('add')
  add(@Session() session: Session): void {
    session.increment('n' as never);
    after.come();
  }
}

describe.each([
  ['', {}],
  [', with encryption', { encryption: { keys: [Buffer.alloc(32, 7)] } }],
])('A handler that computes for longer than "queryTimeout"%s', (_with, options) => {
  const fixture = useApp({
    controllers: [VisitedController],
    options: { queryTimeout: TIMEOUT, ...options },
    prepare: (app) =>
      app.use((_request: unknown, _response: unknown, next: () => void) => {
        next();
        before.come();
      }),
  });

  it.each([
    ['are looked up', 'GET', '/visit', before],
    ['are stored', 'POST', '/add', after],
  ] as const)(
    'is not taken for a slow database by the sessions that %s meanwhile',
    async (_, method, path, blocker) => {
      const { app } = fixture;
      const clients = Array.from({ length: VISITORS }, () => app.client());
      for (const client of clients) expect((await client.post('/add')).status).toBe(201);
      for (const visitors of [10, VISITORS / 2, VISITORS]) {
        blocker.after(visitors);
        const statuses = await Promise.all(clients.map(async (client) => (await client.request(method, path)).status));
        expect(statuses.filter((status) => status >= 300)).toEqual([]);
      }
    },
  );
});
