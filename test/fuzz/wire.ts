import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What came back: the head's lines as they are, the body as text. */
export interface WireAnswer {
  readonly status: number;
  /** The values of a header, in the order of its lines. */
  header(name: string): string[];
  readonly body: string;
}

/** In milliseconds. A request that has no answer by then has none. */
const PATIENCE = 20_000;

/** A client that sends bytes as they are, for node:http refuses what is no header; one request at a time, on one connection as long as that lasts. */
export class Wire {
  readonly #port: number;
  #socket: Socket | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  /** @param headers lines such as `Cookie: …`, whose characters are bytes */
  async send(method: string, path: string, headers: readonly string[] = [], body = ''): Promise<WireAnswer> {
    const socket = (this.#socket ??= await this.#open());
    const length = body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
    const head = [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...length, ...headers].join('\r\n');
    const answer = this.#receive(socket);
    socket.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), Buffer.from(body)]));
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  async #open(): Promise<Socket> {
    const socket = connect(this.#port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    // What goes wrong later shows in the answer.
    socket.on('error', () => {});
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = null;
    });
    return socket;
  }

  #receive(socket: Socket): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        socket.off('data', onData).off('close', onClose);
        settle();
      };
      const look = (isOver: boolean): void => {
        const answer = parsed(received, isOver);
        if (answer !== null) {
          // After a request that it cannot read, a server ends the connection; Fastify does not say so before.
          if (answer.status === 400 || answer.header('connection').includes('close')) this.close();
          done(() => resolve(answer));
        } else if (isOver)
          done(() => reject(new Error(`The connection ended in ${received.length} bytes of an answer.`)));
      };
      const onData = (chunk: Buffer): void => {
        received = Buffer.concat([received, chunk]);
        look(false);
      };
      const onClose = (): void => look(true);
      const timer = setTimeout(() => {
        this.close();
        done(() => reject(new Error(`No answer in ${PATIENCE} ms.`)));
      }, PATIENCE);
      socket.on('data', onData).on('close', onClose);
    });
  }
}

/** `null`: there is more to come. */
function parsed(received: Buffer, isOver: boolean): WireAnswer | null {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const headers = lines.map((line) => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ]);
  const header = (name: string): string[] =>
    headers.filter(([key]) => key === name).map(([, value]) => value as string);
  const body = bodyOf(received.subarray(end + 4), header, isOver);
  return body === null ? null : { status: Number(first.split(' ')[1]), header, body };
}

function bodyOf(bytes: Buffer, header: (name: string) => string[], isOver: boolean): string | null {
  const [length] = header('content-length');
  if (length !== undefined) return bytes.length >= Number(length) ? bytes.toString('utf8', 0, Number(length)) : null;
  if (header('transfer-encoding').includes('chunked')) {
    throw new Error('No answer of the application comes in chunks.');
  }
  return isOver ? bytes.toString() : null;
}
