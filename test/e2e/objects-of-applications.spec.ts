import { beforeEach, describe, expect, it } from '@jest/globals';
import { InternalServerErrorException } from '@nestjs/common';
import { MemorySessionStore, type Session, SessionModule } from 'nestjs-mikro-session';
import { useAppWithoutDatabase } from '../support/app.js';
import { inHandler, tryVisit, visit } from '../support/probe.js';

describe('A constant of the application that handlers put into sessions', () => {
  const fixture = useAppWithoutDatabase({ session: SessionModule.forRoot({ store: MemorySessionStore }) });
  let emptyCart: { items: string[] };
  beforeEach(() => {
    emptyCart = { items: [] };
  });

  it.each<[string, (session: Session) => unknown, number]>([
    [
      'fails with 500',
      () => {
        throw new InternalServerErrorException('The order could not be placed.');
      },
      500,
    ],
    ['stores a text that PostgreSQL does not take', (session) => session.set('note', 'NUL \u0000'), 500],
    ['stores more than a session may have', (session) => session.set('note', 'x'.repeat(70_000)), 500],
    [
      'changes it by update()',
      (session) => session.update((data) => void (data['cart'] as typeof emptyCart).items.push('of ada, too')),
      200,
    ],
  ])('has nothing of a visitor in it whose request %s', async (_, handle, status) => {
    const [ada, bob] = [fixture.app.client(), fixture.app.client()];
    await visit(ada, (session) => void session.set('cart', { items: ['of ada'] }));
    const reply = await tryVisit(ada, (session) => {
      session.set('cart', emptyCart);
      return handle(session);
    });
    expect(reply.status).toBe(status);
    await visit(bob, (session) => void session.set('cart', emptyCart));
    expect(await inHandler(bob, (session) => session.get('cart'))).toEqual({ items: [] });
    expect(emptyCart).toEqual({ items: [] });
  });
});
