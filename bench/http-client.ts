import { Agent, request } from 'node:http';

/** An answer, its body as text. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** `name=value` of every cookie it sets. */
  readonly cookies: readonly string[];
}

/** Asks a server on this machine, for what is not measured. */
export class HttpClient {
  readonly #port: number;
  readonly #agent: Agent;

  constructor(port: number, connections: number) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  send(method: 'GET' | 'POST', path: string, cookie?: string, timeout = 30_000): Promise<Answer> {
    const headers = cookie === undefined ? {} : { cookie };
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, headers, timeout };
      const sent = request(options, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () => {
          const cookies = (response.headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0] ?? '');
          resolve({ status: response.statusCode ?? 0, body, cookies });
        });
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path} was not answered within ${timeout} ms`)));
      sent.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
