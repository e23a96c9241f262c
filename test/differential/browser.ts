import { type Agent, request } from 'node:http';

/** An answer, as far as it is compared. */
export interface Reply {
  /** 0 when there was none. */
  readonly status: number;
  readonly location: string | null;
  readonly body: string;
}

/** A visitor's browser: one cookie, which the server may set and remove. */
export class Browser {
  /** The cookie as it is sent, `null` if there is none. */
  cookie: string | null;
  /** Until when it keeps that, in milliseconds since the epoch; `null` where it was not told. */
  keptUntil: number | null = null;
  readonly #port: number;
  readonly #agent: Agent;

  constructor(port: number, agent: Agent, cookie: string | null = null) {
    this.#port = port;
    this.#agent = agent;
    this.cookie = cookie;
  }

  /** @param patience in milliseconds: an answer that has not come by then is not going to */
  get(path: string, ticket: string, patience: number): Promise<Reply> {
    return new Promise((resolve) => {
      const failed = (error: Error): void => resolve({ status: 0, location: null, body: error.message });
      const headers = { 'x-ticket': ticket, ...(this.cookie !== null && { cookie: this.cookie }) };
      const outgoing = request(
        { host: '127.0.0.1', port: this.#port, path, agent: this.#agent, headers },
        (incoming) => {
          const chunks: string[] = [];
          incoming.setEncoding('utf8');
          incoming.on('data', (chunk: string) => chunks.push(chunk));
          incoming.on('error', failed);
          incoming.on('end', () => {
            clearTimeout(timer);
            this.#take(incoming.headers['set-cookie'] ?? []);
            const { location = null } = incoming.headers;
            resolve({ status: incoming.statusCode ?? 0, location, body: chunks.join('') });
          });
        },
      );
      const timer = setTimeout(() => outgoing.destroy(new Error('no answer in time')), patience);
      outgoing.on('error', (error) => {
        clearTimeout(timer);
        failed(error);
      });
      outgoing.end();
    });
  }

  #take(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const ends = attributes.flatMap((attribute) => {
        const [name, value = ''] = attribute.split('=');
        if (name?.toLowerCase() === 'max-age') return [Date.now() + Number(value) * 1_000];
        return name?.toLowerCase() === 'expires' ? [Date.parse(value)] : [];
      });
      const isRemoved = ends.some((end) => end <= Date.now());
      this.cookie = isRemoved ? null : pair;
      this.keptUntil = isRemoved ? null : (ends[0] ?? null);
    }
  }
}
