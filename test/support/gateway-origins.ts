import { afterEach, describe, expect, it } from '@jest/globals';
import { type SessionModuleOptions, SessionOriginError, type SessionService } from 'nestjs-mikro-session';
import { type AppFixture, useApp } from './app.js';
import { ask, GuardedGateway, type GatewayClient, onConnection, VisitGateway } from './gateway.js';
import type { SocketKind } from './gateway-behaviour.js';

const EVIL = 'https://evil.test';
const FRIEND = 'https://friend.test';

/** What holds for every kind of socket of the pages that open it. */
export function describeGatewayOrigins(name: string, { prepare, connect }: SocketKind): void {
  const clients: GatewayClient[] = [];
  afterEach(() => {
    onConnection.handler = null;
    for (const client of clients.splice(0)) client.close();
  });
  const use = (originCheck?: SessionModuleOptions['originCheck']) =>
    useApp({
      providers: [VisitGateway, GuardedGateway],
      prepare,
      ...(originCheck !== undefined && { options: { originCheck } }),
    });
  const signedIn = async ({ app }: AppFixture, origin: string) => {
    const { cookie } = await app.sessions.create({ userId: 'ada' });
    const client = await connect(app.url, cookie, origin);
    clients.push(client);
    return client;
  };
  const refused = (event: string, origin: string) => ({
    exception: {
      status: 'error',
      statusCode: 403,
      message: new SessionOriginError(origin).message,
      cause: expect.objectContaining({ pattern: event }),
    },
  });

  describe(`A gateway on ${name}`, () => {
    const fixture = use();

    it('refuses the messages of a page of another origin, and looks no session up for them', async () => {
      const { sessions } = fixture.app;
      const client = await signedIn(fixture, EVIL);
      const { total } = sessions.stats().lookups;
      expect(await ask(client, 'me')).toEqual(refused('me', EVIL));
      expect(await ask(client, 'poll')).toEqual(refused('poll', EVIL));
      // A guard of the application's own that asks the service, which rejects, as any guard that fails.
      expect(await ask(client, 'counted')).toMatchObject({ exception: { message: 'Internal server error' } });
      expect(sessions.stats().lookups.total).toBe(total);
    });

    it('tells exception filters what stands behind that', async () => {
      const client = await signedIn(fixture, EVIL);
      expect(await ask(client, 'filtered')).toMatchObject({ exception: { message: 'SessionOriginError' } });
    });

    it('answers such a page what needs no session', async () => {
      const client = await signedIn(fixture, EVIL);
      expect(await ask(client, 'skipped')).toBe('skipped');
    });

    it('serves pages of its own', async () => {
      expect(await ask(await signedIn(fixture, fixture.app.url), 'me')).toBe('ada');
    });

    it('gives handleConnection() an empty session of such a page’s client, and no error that Nest would not catch', async () => {
      const found = new Promise<Awaited<ReturnType<SessionService['of']>>>((resolve, reject) => {
        onConnection.handler = (client) => void fixture.app.sessions.of(client as object).then(resolve, reject);
      });
      await signedIn(fixture, EVIL);
      const { isAuthenticated, isNew, userId } = await found;
      expect({ isAuthenticated, isNew, userId }).toEqual({ isAuthenticated: false, isNew: true, userId: null });
    });

    it('tells the operator once', async () => {
      const told = fixture.app.lines.filter((line) => line.startsWith(`warn: ${new SessionOriginError(EVIL).message}`));
      expect(told).toHaveLength(1);
    });
  });

  describe(`A gateway on ${name}, with originCheck.allow`, () => {
    const fixture = use({ allow: [FRIEND] });

    it('serves pages of the origins that are allowed, and no others', async () => {
      expect(await ask(await signedIn(fixture, FRIEND), 'me')).toBe('ada');
      expect(await ask(await signedIn(fixture, EVIL), 'me')).toEqual(refused('me', EVIL));
    });
  });

  describe(`A gateway on ${name}, with a function for originCheck.allow`, () => {
    const fixture = use({ allow: (origin, { url, headers }) => Boolean(url && headers.cookie) && origin === FRIEND });

    it('lets it see the handshake', async () => {
      expect(await ask(await signedIn(fixture, FRIEND), 'me')).toBe('ada');
    });
  });

  describe(`A gateway on ${name}, with \`originCheck: false\``, () => {
    const fixture = use(false);

    it('serves pages of every origin', async () => {
      expect(await ask(await signedIn(fixture, EVIL), 'me')).toBe('ada');
    });
  });
}
