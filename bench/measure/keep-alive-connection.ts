import { connect, type Socket } from 'node:net';

interface Waiting {
  resolve(status: number): void;
  reject(error: Error): void;
}

/** One connection to a server on this machine, one request at a time: as little HTTP as the load needs. */
export class KeepAliveConnection {
  readonly #socket: Socket;
  #received = '';
  #waiting: Waiting | null = null;
  #head = '';

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => this.#take(text));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('The server closed a connection.')));
  }

  /** The head of the last answer. */
  get head(): string {
    return this.#head;
  }

  /** Sends a request and resolves to the status of its answer, once that is here completely. */
  send(request: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = null;
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#received.slice(0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) {
      this.#fail(new Error('An answer has no Content-Length.'));
      return;
    }
    if (this.#received.length < end + 4 + Number(length)) return;
    this.#received = '';
    this.#head = head;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(Number(head.slice(9, 12)));
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(error);
  }
}
