import { describe, expect, it } from '@jest/globals';
import { SessionGoneError } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import { inHandler, signal, tryVisit, visit } from '../../support/probe.js';

describe('Promise 2: no resurrection, no late write', () => {
  const fixture = useApp();

  /** A visitor with a stored session, and a request of theirs that is under way with a change. */
  async function underWay() {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('kept', 1).id);
    const inside = signal();
    const goOn = signal();
    const slow = visit(client, async (session) => {
      session.set('late', true);
      inside.reach();
      await goOn.reached;
      return 'done';
    });
    await inside.reached;
    return { client, id, finish: () => (goOn.reach(), slow) };
  }

  it('refuses the changes of a request whose session was revoked meanwhile, with 401 and without touching the cookie', async () => {
    const { id, finish } = await underWay();
    expect(await fixture.app.sessions.revoke(id)).toBe(true);
    const reply = await finish();
    expect(reply.status).toBe(401);
    expect(reply.setCookies).toEqual([]);
    expect(await fixture.app.sessions.find(id)).toBeNull();
  });

  it('refuses the changes of a request whose visitor logged out meanwhile', async () => {
    const { client, id, finish } = await underWay();
    await visit(client, (session) => session.logout());
    expect((await finish()).status).toBe(401);
    expect(await fixture.app.sessions.find(id)).toBeNull();
  });

  it('refuses the changes of a request whose session was logged in to meanwhile, and writes nothing into it', async () => {
    const { client, id, finish } = await underWay();
    await visit(client, (session) => session.login('alice'));
    expect((await finish()).status).toBe(401);
    const found = await fixture.app.sessions.find(id);
    expect(found?.userId).toBe('alice');
    expect(found?.toJSON()).toEqual({ kept: 1 });
  });

  it('refuses the changes of a request whose session expired meanwhile', async () => {
    const { id, finish } = await underWay();
    await fixture.database.query(`update sessions set expires_at = now() - interval '1 ms' where id = $1`, [id]);
    expect((await finish()).status).toBe(401);
    expect((await fixture.row(id))['data']).toEqual({ kept: 1 });
  });

  it('throws SessionGoneError from a save() that the handler calls', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('kept', 1).id);
    const error = await inHandler(client, async (session) => {
      await fixture.app.sessions.revoke(id);
      return session
        .set('late', true)
        .save()
        .catch((caught: unknown) => caught);
    });
    expect(error).toBeInstanceOf(SessionGoneError);
    expect(error).toMatchObject({ code: 'ERR_SESSION_GONE', statusCode: 401 });
  });

  it('lets a request go on that only reads a session revoked meanwhile', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('kept', 1).id);
    const reply = await visit(client, async (session) => {
      await fixture.app.sessions.revoke(id);
      return session.get('kept');
    });
    expect(reply).toMatchObject({ status: 200, text: '1', setCookies: [] });
    expect(await fixture.app.sessions.find(id)).toBeNull();
  });

  it('refuses a write that the database gets to only after its deadline', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 0).id);
    // Another transaction holds the row for longer than the store waits.
    const holder = await fixture.database.hold('select * from sessions where id = $1 for update', [id]);
    const late = await tryVisit(client, (session) => session.set('n', 'late') && undefined);
    await holder.release();
    expect(late.status).toBe(503);
    expect(late.headers.get('retry-after')).toBe('1');
    expect(await inHandler(client, (session) => session.get('n'))).toBe(0);
  });
});
