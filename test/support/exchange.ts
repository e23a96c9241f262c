import { once } from 'node:events';
import { type IncomingHttpHeaders, request as http1Request } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** A request as a test describes it. */
export interface RequestSpec {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in these pieces, without a length known beforehand. */
  readonly body?: readonly string[];
  /** Leaves the body without an end. */
  readonly isUnfinished?: boolean;
}

export interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface Answer extends Head {
  readonly body: Buffer;
}

/** A request on its way, seen from the client. */
export interface Exchange {
  /** Settles as the first byte of the answer arrives, with what is to be read there. */
  readonly head: Promise<Head>;
  /** Rejects if the connection ends before the answer is whole. */
  readonly answer: Promise<Answer>;
  /** Settles as soon as the body, as far as it has come, has this text in it. */
  received(text: string): Promise<void>;
  /** Goes away. */
  abort(): void;
}

export type Send = (url: string, spec: RequestSpec) => Exchange;

export const overHttp1: Send = (url, { method = 'GET', path, headers = {}, body, isUnfinished = false }) => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const request = http1Request({ createConnection: () => socket, host: hostname, method, path, headers });
  const head = Promise.withResolvers<Head>();
  const answer = Promise.withResolvers<Answer>();
  const body$ = bodyOf();
  request.on('error', (error) => {
    head.reject(error);
    answer.reject(error);
  });
  request.once('response', (response) => {
    const found = { status: response.statusCode ?? 0, headers: response.headers };
    head.resolve(found);
    response.on('error', answer.reject);
    body$.follow(response, () => answer.resolve({ ...found, body: body$.sofar() }));
  });
  upload(request, body, isUnfinished).catch(answer.reject);
  return exchange(head.promise, answer.promise, body$.received, () => socket.destroy());
};

export const overHttp2: Send = (url, { method = 'GET', path, headers = {}, body, isUnfinished = false }) => {
  const session = http2Connect(url);
  const { host, ...rest } = headers;
  const request = session.request({
    ':method': method,
    ':path': path,
    ...(host !== undefined && { ':authority': host }),
    ...rest,
  });
  const head = Promise.withResolvers<Head>();
  const answer = Promise.withResolvers<Answer>();
  const body$ = bodyOf();
  session.on('error', answer.reject);
  request.on('error', answer.reject);
  request.once('close', () => {
    const error = new Error('The stream was closed before the answer was whole.');
    head.reject(error);
    answer.reject(error);
    session.close();
  });
  request.once('response', (received) => {
    const found = { status: received[':status'] as number, headers: received as IncomingHttpHeaders };
    head.resolve(found);
    body$.follow(request, () => answer.resolve({ ...found, body: body$.sofar() }));
  });
  upload(request, body, isUnfinished).catch(answer.reject);
  return exchange(head.promise, answer.promise, body$.received, () => session.destroy());
};

function exchange(
  head: Promise<Head>,
  answer: Promise<Answer>,
  received: Exchange['received'],
  abort: () => void,
): Exchange {
  // A test may wait for one of them only.
  head.catch(() => {});
  answer.catch(() => {});
  return { head, answer, received, abort };
}

async function upload(request: Writable, pieces: readonly string[] = [], isUnfinished: boolean): Promise<void> {
  for (const piece of pieces) {
    request.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!isUnfinished) request.end();
}

function bodyOf() {
  const chunks: Buffer[] = [];
  const waiting = new Set<() => void>();
  const sofar = (): Buffer => Buffer.concat(chunks);
  return {
    sofar,
    follow(stream: Readable, ended: () => void): void {
      stream.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        for (const look of waiting) look();
      });
      stream.once('end', ended);
    },
    received: (text: string) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (!sofar().includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

/** A connection to be written to byte by byte. */
export async function rawConnection(url: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}
