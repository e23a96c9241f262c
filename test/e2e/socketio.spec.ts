import { IoAdapter } from '@nestjs/platform-socket.io';
import { io } from 'socket.io-client';
import { type GatewayClient, Inbox } from '../support/gateway.js';
import { describeGateway } from '../support/gateway-behaviour.js';

const connectBy =
  (transport: 'polling' | 'websocket') =>
  async (url: string, cookie?: string): Promise<GatewayClient> => {
    const inbox = new Inbox();
    const extraHeaders = cookie === undefined ? {} : { cookie };
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

describeGateway('Socket.IO, by WebSocket', {
  prepare: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
  connect: connectBy('websocket'),
});

describeGateway('Socket.IO, by long polling', {
  prepare: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
  connect: connectBy('polling'),
});
