import { IoAdapter } from '@nestjs/platform-socket.io';
import { io } from 'socket.io-client';
import { type GatewayClient, Inbox } from '../support/gateway.js';
import { describeGateway, type SocketKind } from '../support/gateway-behaviour.js';
import { describeGatewayOrigins } from '../support/gateway-origins.js';

const connectBy =
  (transport: 'polling' | 'websocket') =>
  async (url: string, cookie?: string, origin?: string): Promise<GatewayClient> => {
    const inbox = new Inbox();
    const extraHeaders = { ...(cookie && { cookie }), ...(origin && { origin }) };
    const socket = io(url, { transports: [transport], forceNew: true, reconnection: false, extraHeaders });
    socket.onAny((event: string, data: unknown) => inbox.put(event, data));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return {
      send: (event, data) => void socket.emit(event, data),
      next: () => inbox.next(),
      close: () => void socket.disconnect(),
    };
  };

for (const [name, transport] of [
  ['Socket.IO, by WebSocket', 'websocket'],
  ['Socket.IO, by long polling', 'polling'],
] as const) {
  const kind: SocketKind = {
    prepare: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
    connect: connectBy(transport),
  };
  describeGateway(name, kind);
  describeGatewayOrigins(name, kind);
}
