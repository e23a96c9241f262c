import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Sse, UseGuards } from '@nestjs/common';
import { Public, Session, SessionGuard } from 'nestjs-mikro-session';
import { type Observable, Subject } from 'rxjs';
import { useApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { PLATFORMS } from '../support/platform.js';
import { inHandler, visit } from '../support/probe.js';

/** What the handlers send, to all clients. */
let events = new Subject<string>();
let ended = new AbortController();

@Controller()
@UseGuards(SessionGuard)
class EventsController {
  @Sse('guarded')
  guarded(): Observable<string> {
    return events;
  }

  @Public()
  @Sse('public')
  public(@Session() session: Session): Observable<string> {
    return session.isNew ? new Subject() : events;
  }
}

describe.each(PLATFORMS)('A guarded @Sse() route on %s', (platform) => {
  const fixture = useApp({ platform, controllers: [EventsController] });

  beforeEach(() => {
    events = new Subject();
    ended = new AbortController();
  });
  // What a test that fails has left open would hold up the end of the application.
  afterEach(() => ended.abort());

  /** A visitor who is signed in. */
  async function signedIn(): Promise<{ client: Client; id: string; cookie: string }> {
    const client = fixture.app.client();
    await visit(client, (session) => session.login('ada'));
    const id = await inHandler(client, (session) => session.id);
    return { client, id, cookie: await client.cookie() };
  }

  /** Opens a stream, and reads what comes. */
  async function open(path: string, cookie: string): Promise<{ next(): Promise<string>; rest(): Promise<string> }> {
    const response = await fetch(fixture.app.url + path, { headers: { cookie }, signal: ended.signal });
    expect(response.status).toBe(200);
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const read = async (isDone: () => boolean): Promise<string> => {
      for (let end = false; !end && !isDone();) {
        const { value, done } = await reader.read();
        end = done;
        text += value ?? '';
      }
      const come = text;
      text = '';
      return come;
    };
    return {
      next: () => read(() => /data: .*\n\n/.test(text)),
      rest: () => read(() => false),
    };
  }

  it.each([
    ['it is revoked', ({ id }: { id: string }) => fixture.app.sessions.revoke(id)],
    ['all are revoked', () => fixture.app.sessions.revokeAll()],
    ['its user signs out elsewhere', ({ client }: { client: Client }) => visit(client, (session) => session.logout())],
    [
      'another user signs in to it',
      ({ client }: { client: Client }) => visit(client, (session) => session.login('grace')),
    ],
    ['the user signs in anew', ({ client }: { client: Client }) => visit(client, (session) => session.login('ada'))],
    [
      // As after "sign out everywhere else": whoever has stolen the cookie must not go on listening.
      'it has had another credential for longer than the grace period',
      async ({ client, id }: { client: Client; id: string }) => {
        await visit(client, (session) => session.regenerate());
        await fixture.database.query(`update sessions set rotated_at = rotated_at - interval '11 s' where id = $1`, [
          id,
        ]);
      },
    ],
    [
      'it expires',
      ({ id }: { id: string }) =>
        fixture.database.query('update sessions set expires_at = clock_timestamp() where id = $1', [id]),
    ],
  ])('ends before the next event once %s', async (_, end) => {
    const visitor = await signedIn();
    const stream = await open('/guarded', visitor.cookie);
    events.next('one');
    expect(await stream.next()).toContain('data: one');
    await end(visitor as never);
    events.next('two');
    expect(await stream.rest()).not.toContain('two');
  });

  it('goes on while the session only changes: by data, a renewal, another credential', async () => {
    const { client, cookie } = await signedIn();
    const stream = await open('/guarded', cookie);
    for (const change of [
      (session: Session) => session.set('n' as never, 1 as never),
      (session: Session) => session.touch(),
      (session: Session) => session.regenerate(),
    ]) {
      await visit(client, change);
      events.next('still');
      expect(await stream.next()).toContain('data: still');
    }
    events.complete();
    await stream.rest();
  });

  it('is another’s affair where no guard has let the visitor in', async () => {
    const { cookie, id } = await signedIn();
    const stream = await open('/public', cookie);
    await fixture.app.sessions.revoke(id);
    events.next('for all');
    expect(await stream.next()).toContain('data: for all');
    events.complete();
    await stream.rest();
  });
});
