import { describe, expect, it } from '@jest/globals';
import { WsAdapter } from '@nestjs/platform-ws';
import { rememberHandshakes } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { ask, GuardedGateway, onConnection, VisitGateway } from '../support/gateway.js';
import { describeGateway, type SocketKind } from '../support/gateway-behaviour.js';
import { describeGatewayOrigins } from '../support/gateway-origins.js';
import { connect } from '../support/ws-client.js';

const ws: SocketKind = {
  prepare: (app) => app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app))),
  connect,
};
describeGateway('ws', ws);
describeGatewayOrigins('ws', ws);

describe('A gateway on ws whose adapter does not remember handshakes', () => {
  const fixture = useApp({
    providers: [VisitGateway, GuardedGateway],
    prepare: (app) => app.useWebSocketAdapter(new WsAdapter(app)),
  });

  it('serves messages that need no session, and lets nobody past SessionGuard', async () => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    const client = await connect(fixture.app.url, cookie);
    expect(await ask(client, 'open')).toBe('open');
    expect(await ask(client, 'me')).toMatchObject({ exception: { message: 'Internal server error' } });
    client.close();
  });

  it('is told what to do by the service', async () => {
    const connection = new Promise((resolve) => (onConnection.handler = resolve));
    const client = await connect(fixture.app.url);
    await expect(fixture.app.sessions.of((await connection) as object)).rejects.toMatchObject({
      code: 'ERR_SESSION_SETUP',
      message: expect.stringContaining('app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app)))'),
    });
    onConnection.handler = null;
    client.close();
  });
});
