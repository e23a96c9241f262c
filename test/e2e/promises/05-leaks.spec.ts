import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { SessionDataError, SessionEntity, type SessionEvent } from 'nestjs-mikro-session';
import { MikroORM } from '@mikro-orm/core';
import { useApp } from '../../support/app.js';
import { inHandler, tryVisit, visit } from '../../support/probe.js';

describe('Promise 5: a leaked database logs nobody in; a leaked log neither', () => {
  const fixture = useApp();

  /** A visitor, and everything that must not be found anywhere: their secrets, old and new. */
  async function visitor() {
    const client = fixture.app.client();
    const secrets: string[] = [];
    const note = async () => {
      const secret = (await client.cookie()).split('.')[1] as string;
      expect(secret).toMatch(/^[\w-]{43}$/);
      secrets.push(secret, Buffer.from(secret, 'base64url').toString('hex'));
    };
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    await note();
    await visit(client, (session) => session.regenerate());
    await note();
    await visit(client, (session) => session.login('alice', { roles: ['admin'] }));
    await note();
    return { client, id, secrets };
  }

  const expectNone = (text: string, secrets: string[]) => {
    for (const secret of secrets) expect(text.includes(secret)).toBe(false);
  };

  it('stores no secret: nothing in the row is one, nor can a cookie be made of it', async () => {
    const { id, secrets } = await visitor();
    const row = await fixture.row(id);
    const text = JSON.stringify(await fixture.database.query('select s::text from sessions s'));
    expectNone(text, secrets);
    for (const hash of [row['secret_hash'], row['previous_secret_hash']] as Buffer[]) {
      const cookie = `session_id=${id}.${hash.toString('base64url')}`;
      const forged = await visit(fixture.app.client(), (session) => session.userId, { cookie });
      expect(forged.text).not.toContain('alice');
    }
  });

  it('shows no secret in the session, however it is printed', async () => {
    const { client, secrets } = await visitor();
    const printed = await inHandler(client, async (session) => {
      await session.regenerate();
      return [
        JSON.stringify(session),
        inspect(session, { depth: 9, showHidden: true }),
        Object.prototype.toString.call(session),
      ].join();
    });
    secrets.push((await client.cookie()).split('.')[1] as string);
    expectNone(printed, secrets);
    expect(JSON.parse(await inHandler(client, (session) => JSON.stringify(session)))).toEqual({ a: 1 });
  });

  it('shows no secret in events, errors and lists', async () => {
    const events: SessionEvent[] = [];
    const subscription = fixture.app.sessions.events.subscribe((event) => events.push(event));
    const { client, id, secrets } = await visitor();
    const error = await inHandler(client, (session) => {
      session.data['when'] = new Date();
      const caught = session.save().catch((reason: unknown) => reason);
      return caught.finally(() => session.delete('when'));
    });
    expect(error).toBeInstanceOf(SessionDataError);
    const list = await fixture.app.sessions.listForUser('alice');
    await visit(client, (session) => session.logout());
    subscription.unsubscribe();
    expect(events.map((event) => event.type)).toEqual(
      expect.arrayContaining(['created', 'loaded', 'rotated', 'login', 'logout']),
    );
    expect(list.map((device) => device.id)).toContain(id);
    expectNone(inspect([events, error, list], { depth: 9 }), secrets);
  });

  it('shows no secret in what is logged when things go wrong', async () => {
    const { client, id, secrets } = await visitor();
    const written: string[] = [];
    const write = (...parts: unknown[]): void => void written.push(inspect(parts, { depth: 9 }));
    fixture.app.app.useLogger({ log: write, error: write, warn: write, debug: write, verbose: write, fatal: write });
    try {
      await fixture.database.query(`update sessions set data = '"broken"' where id = $1`, [id]);
      await visit(client, (session) => session.keys());
      await visit(client, (session) => {
        session.data['bad'] = new Map();
      });
      const holder = await fixture.database.hold('select from sessions where id = $1 for update', [id]);
      await tryVisit(client, (session) => session.set('b', 1));
      await holder.release();
    } finally {
      fixture.app.app.useLogger(false);
    }
    expect(written.join('')).toContain('cannot be read');
    expect(written.join('')).toContain('could not save a session');
    expectNone(written.join(''), secrets);
  });

  it('keeps the hashes out of what an entity manager loads and serialises', async () => {
    const { id } = await visitor();
    const found = await fixture.app.app.get(MikroORM).em.fork().findOneOrFail(SessionEntity, { id });
    expect(JSON.stringify(found)).not.toMatch(/hash/i);
    expect(found.userId).toBe('alice');
  });
});

describe('Promise 6: a fresh credential at every login, and the old one dead in the same instant', () => {
  const fixture = useApp();

  it.each(['anonymous', 'signed in already'])('changes the cookie of somebody who was %s', async (before) => {
    const client = fixture.app.client();
    await visit(client, (session) => (before === 'anonymous' ? session.set('a', 1) : session.login('alice')));
    const planted = await client.cookie();
    await visit(client, async (session) => {
      await session.login('alice');
      // The handler is still running, and the answer not sent.
      const thief = await visit(fixture.app.client(), (other) => [other.userId, other.keys()], { cookie: planted });
      session.set('thief', thief.json);
    });
    expect(await client.cookie()).not.toBe(planted);
    expect(await inHandler(client, (session) => session.get('thief'))).toEqual([null, []]);
  });

  it('keeps the id, and an anonymous visitor’s data', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('cart', ['book']).id);
    await visit(client, (session) => session.set('more', 1).login('alice'));
    expect(await inHandler(client, (session) => [session.id, session.toJSON()])).toEqual([
      id,
      { cart: ['book'], more: 1 },
    ]);
  });

  it('drops the data, flash messages and unsaved changes of another user first', async () => {
    const client = fixture.app.client();
    await visit(client, async (session) => {
      await session.login('alice');
      session.set('secret', 'of alice').flash('info', 'for alice');
    });
    await visit(client, async (session) => {
      session.set('unsaved', 'of alice');
      await session.login('bob');
      session.set('own', 'of bob');
    });
    expect(await inHandler(client, (session) => [session.userId, session.toJSON(), session.flashes()])).toEqual([
      'bob',
      { own: 'of bob' },
      [],
    ]);
  });

  it('gives no credential away before it is stored', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    const holder = await fixture.database.hold('select from sessions where id = $1 for update', [id]);
    const reply = await tryVisit(client, (session) => session.login('alice'));
    await holder.release();
    expect(reply).toMatchObject({ status: 503, setCookies: [] });
    expect(await inHandler(client, (session) => session.userId)).toBeNull();
  });
});
