import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from 'nestjs-mikro-session';
import { resolveOptions } from '../../../lib/session.options.js';
import { serviceOn } from '../../support/service.js';

const options = resolveOptions();
const sessions = serviceOn(new MemorySessionStore(options), options);
const INFO = { fieldName: 'me', path: { key: 'me' } };

/** What a resolver is called with, as Nest sees it. */
function hostOf(...args: unknown[]): ExecutionContextHost {
  const host = new ExecutionContextHost(args);
  host.setType('graphql');
  return host;
}

async function signedIn(): Promise<{ req: IncomingMessage; res: ServerResponse }> {
  const req = new IncomingMessage(new Socket());
  req.headers.cookie = (await sessions.create({ userId: 'ada' })).cookie;
  return { req, res: new ServerResponse(req) };
}

describe('A GraphQL resolver has the session', () => {
  it('of the context that it is called with', async () => {
    expect((await sessions.of(hostOf({}, {}, await signedIn(), INFO))).userId).toBe('ada');
  });

  it('of the context that a reference resolver is called with, one place earlier', async () => {
    expect((await sessions.of(hostOf({ id: 1 }, await signedIn(), INFO))).userId).toBe('ada');
  });

  it('of the application that asks, where two work on one request', async () => {
    const other = serviceOn(new MemorySessionStore(options), options);
    const context = await signedIn();
    const seen = [];
    for (const service of [sessions, other, sessions]) {
      seen.push((await service.of(hostOf({}, {}, context, INFO))).userId);
    }
    expect(seen).toEqual(['ada', null, 'ada']);
  });

  it('of the handshake in a subscription of Mercurius, whose reply is none, and anew in each', async () => {
    const { req: request } = await signedIn();
    request.headers.upgrade = 'websocket';
    const subscribed = () => sessions.of(hostOf({}, {}, { pubsub: {}, request, reply: { request } }, INFO));
    const session = await subscribed();
    expect(session.userId).toBe('ada');
    await sessions.revoke(session.id);
    expect((await subscribed()).userId).toBeNull();
  });

  it('of its context and not of what a client sends by the same names', async () => {
    const theirs = await signedIn();
    await expect(sessions.of(hostOf({}, theirs, {}, INFO))).rejects.toMatchObject({ code: 'ERR_SESSION_SETUP' });
    await expect(sessions.of(hostOf({}, theirs, null, INFO))).rejects.toMatchObject({ code: 'ERR_SESSION_SETUP' });
  });
});
