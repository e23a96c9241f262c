import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { requestCancel } from '../../../../lib/store/postgres/driver/cancel.js';
import type { PgClient, PgPool } from '../../../../lib/store/postgres/driver/session-pool.js';
import { selfSigned } from '../../../browser/certificate.js';

/** What a client sends to have a statement cancelled: https://www.postgresql.org/docs/current/protocol-message-formats.html. */
const CANCEL = Buffer.from('0000001004d2162e0000002a00000007', 'hex');
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');

describe('A cancel request', () => {
  let server: net.Server | undefined;
  afterEach(() => {
    server?.close();
  });

  /** Listens, and says what a client sends until the server closes the connection. */
  async function listen(answer: (socket: net.Socket) => void): Promise<number> {
    server = net.createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as net.AddressInfo).port;
  }

  function request(port: number, options: object = {}): ReturnType<typeof requestCancel> {
    const pool = new pg.Pool({ host: '127.0.0.1', port, ...options });
    const client = { host: '127.0.0.1', port, ssl: false, ...options, processID: 42, secretKey: 7 };
    return requestCancel(pool as unknown as PgPool, client as unknown as PgClient);
  }

  it('names the backend and its secret, and is taken when the server ends the connection', async () => {
    const received: Buffer[] = [];
    const port = await listen((socket) => socket.on('data', (chunk) => (received.push(chunk), socket.end())));
    expect(await request(port).taken).toBe(true);
    expect(Buffer.concat(received)).toEqual(CANCEL);
  });

  it('is not taken where the stream of the application cannot connect', async () => {
    const stream = (): net.Socket =>
      Object.assign(new net.Socket(), {
        connect: () => {
          throw new Error('no network');
        },
      });
    expect(await request(1, { stream }).taken).toBe(false);
  });

  it('goes over TLS where the connections do', async () => {
    const received: Buffer[] = [];
    const asked: Buffer[] = [];
    const certificate = selfSigned();
    const port = await listen((socket) => {
      socket.once('data', (chunk) => {
        asked.push(chunk);
        socket.write('S');
        const secured = new tls.TLSSocket(socket, { isServer: true, ...certificate });
        secured.on('error', () => {});
        secured.on('data', (data) => (received.push(data), secured.end()));
      });
    });
    expect(await request(port, { ssl: { rejectUnauthorized: false } }).taken).toBe(true);
    expect(asked).toEqual([SSL_REQUEST]);
    expect(Buffer.concat(received)).toEqual(CANCEL);
  });

  it('goes over TLS from the first byte on where the connections do', async () => {
    const received: Buffer[] = [];
    const secured = tls.createServer({ ...selfSigned(), ALPNProtocols: ['postgresql'] }, (socket) => {
      socket.on('data', (data) => (received.push(data), socket.end()));
    });
    server = secured.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    // Of the pool, and of the client that it makes.
    const options = { ssl: { rejectUnauthorized: false }, sslnegotiation: 'direct', sslNegotiation: 'direct' };
    expect(await request(port, options).taken).toBe(true);
    expect(Buffer.concat(received)).toEqual(CANCEL);
  });

  it('is not taken where there is no server', async () => {
    const port = await listen(() => {});
    server?.close();
    await once(server as net.Server, 'close');
    expect(await request(port).taken).toBe(false);
  });

  it('is not taken where no client can be made for it, as what makes its stream throws', async () => {
    const failing = (): never => {
      throw new Error('no certificate');
    };
    expect(await request(1, { stream: failing }).taken).toBe(false);
  });

  it('ends when it is given up, where the server says nothing', async () => {
    const closed: Promise<unknown>[] = [];
    const port = await listen((socket) => closed.push(once(socket.resume(), 'close')));
    const asked = request(port);
    await once(server as net.Server, 'connection');
    asked.giveUp();
    await asked.taken;
    expect(await Promise.all(closed)).toHaveLength(1);
  });

  it('is not made with a client of `pg` that is made in another way', async () => {
    const pool = new pg.Pool({ host: '127.0.0.1', port: 1 }) as unknown as PgPool;
    expect(await requestCancel(pool, {} as PgClient).taken).toBe(false);
  });
});
