import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Gatekeeper } from '../../../lib/http/gatekeeper.js';
import { installGate } from '../../../lib/http/response-gate.js';

/** What the client received. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: string[];
  readonly body: Buffer;
  readonly trailers: IncomingMessage['trailers'];
}

/** A gatekeeper that lets a response go when the test says so. */
export class ManualKeeper implements Gatekeeper {
  pending = true;
  /** What to do at the last moment for headers. */
  amend: () => void = () => {};
  asked = 0;
  readonly settled: number[] = [];
  readonly errors: unknown[] = [];
  readonly #settling = Promise.withResolvers<void>();
  readonly #response: ServerResponse;
  amended = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  settleAnswer(status: number): Promise<void> | null {
    this.asked++;
    if (!this.pending) return null;
    this.settled.push(status);
    return this.#settling.promise;
  }

  owes = false;
  owesMore(): boolean {
    return this.owes;
  }

  beforeHeaders(): boolean {
    this.amended++;
    this.amend();
    return false;
  }

  amendHeaders(): void {
    this.amend();
  }

  ends = 0;
  ended(): void {
    this.ends++;
  }

  failed(error: unknown): string {
    this.errors.push(error);
    for (const name of this.#response.getHeaderNames()) this.#response.removeHeader(name);
    this.#response.statusCode = 503;
    this.#response.statusMessage = '';
    return 'failed';
  }

  readonly reports: unknown[] = [];
  report(error: unknown): void {
    this.reports.push(error);
  }

  release(): void {
    this.#settling.resolve();
  }

  refuse(error: unknown = new Error('not stored')): void {
    this.#settling.reject(error);
  }
}

/** One response on its way: what its handler has, and what the client will receive. */
export interface Exchange {
  readonly response: ServerResponse;
  readonly keeper: ManualKeeper;
  readonly socket: Socket;
  readonly answer: Promise<Answer>;
}

const servers: Server[] = [];

/** Sends a request to a server of its own, whose response goes through a gate. */
export async function exchange(prepare: (response: ServerResponse) => void = () => {}): Promise<Exchange> {
  const server = createServer();
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const answer = answerOf((server.address() as AddressInfo).port);
  answer.catch(() => {});
  const [incoming, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  prepare(response);
  const keeper = new ManualKeeper(response);
  installGate(response, keeper);
  return { response, keeper, socket: incoming.socket, answer };
}

/** What the package on-headers does: a listener hears that the headers go. */
export function whenHeadersGo(response: ServerResponse, listen: () => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (...args: unknown[]) => {
    listen();
    return writeHead(...args);
  };
}

/** To be called after each test. */
export function closeServers(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
}

async function answerOf(port: number): Promise<Answer> {
  const outgoing = request({ host: '127.0.0.1', port, agent: false });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return {
    status: incoming.statusCode ?? 0,
    statusText: incoming.statusMessage ?? '',
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body: Buffer.concat(chunks),
    trailers: incoming.trailers,
  };
}
