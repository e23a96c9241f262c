import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll } from '@jest/globals';

export const CLIENT_ID = 'client of the test';
export const CLIENT_SECRET = 'secret of the client';

interface Authorization {
  readonly redirectUri: string;
  readonly challenge: string;
}

/** What a parameter is refused for, as RFC 6749 names it. */
class Refusal extends Error {}

/**
 * An OAuth 2.0 authorization server on loopback (RFC 6749, with PKCE by S256 as RFC 7636 has it). Everybody who comes is
 * Ada, and agrees at once. A code is good for one token, at the redirect URI and with the verifier it was asked for.
 */
export class OAuth2Provider {
  readonly #authorizations = new Map<string, Authorization>();
  readonly #server = createServer((request, response) => {
    this.#handle(request, response).catch((error: unknown) => {
      if (error instanceof Refusal) answer(response, 400, { error: error.message });
      else response.destroy(error as Error);
    });
  });
  #url = '';

  async listen(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    this.#url = `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), 'close');
  }

  get authorizeUrl(): string {
    return `${this.#url}/authorize`;
  }

  get tokenUrl(): string {
    return `${this.#url}/token`;
  }

  /** Sends a browser to where an application has redirected it, and returns the path where it comes back. */
  async visit(location: string): Promise<string> {
    if (!location.startsWith(`${this.authorizeUrl}?`)) throw new Error(`This leads elsewhere: ${location}`);
    const response = await fetch(location, { redirect: 'manual' });
    const back = response.headers.get('location');
    if (back === null) throw new Error(`The provider answered ${response.status}: ${await response.text()}`);
    const { pathname, search } = new URL(back);
    return pathname + search;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.#url);
    if (request.method === 'GET' && pathname === '/authorize') this.#authorize(searchParams, response);
    else if (request.method === 'POST' && pathname === '/token') {
      answer(response, 200, this.#token(new URLSearchParams(await text(request))));
    } else answer(response, 404, {});
  }

  #authorize(given: URLSearchParams, response: ServerResponse): void {
    demandSame(given.get('client_id'), CLIENT_ID, 'unauthorized_client');
    demandSame(given.get('response_type'), 'code', 'unsupported_response_type');
    demandSame(given.get('code_challenge_method'), 'S256', 'invalid_request');
    const redirectUri = required(given, 'redirect_uri');
    const code = randomBytes(16).toString('hex');
    this.#authorizations.set(code, { redirectUri, challenge: required(given, 'code_challenge') });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', required(given, 'state'));
    response.writeHead(302, { location: back.href }).end();
  }

  #token(given: URLSearchParams): object {
    demandSame(given.get('client_id'), CLIENT_ID, 'invalid_client');
    demandSame(given.get('client_secret'), CLIENT_SECRET, 'invalid_client');
    demandSame(given.get('grant_type'), 'authorization_code', 'unsupported_grant_type');
    const code = required(given, 'code');
    const authorization = this.#authorizations.get(code);
    this.#authorizations.delete(code);
    const challenge = createHash('sha256').update(required(given, 'code_verifier')).digest('base64url');
    demandSame(authorization?.challenge, challenge, 'invalid_grant');
    demandSame(given.get('redirect_uri'), authorization?.redirectUri, 'invalid_grant');
    return { access_token: randomBytes(16).toString('hex'), token_type: 'bearer', user: 'ada' };
  }
}

/** A provider for all tests of a file or a `describe` block. */
export function useOAuth2Provider(): OAuth2Provider {
  const provider = new OAuth2Provider();
  beforeAll(() => provider.listen());
  afterAll(() => provider.close());
  return provider;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function required(given: URLSearchParams, name: string): string {
  const value = given.get(name);
  if (!value) throw new Refusal('invalid_request');
  return value;
}

function demandSame(given: string | null | undefined, expected: string | undefined, error: string): void {
  if (given !== expected) throw new Refusal(error);
}
