import type { ServerResponse } from 'node:http';
import { overHttp1, overHttp2, type Send } from './exchange.js';

/** What a Nest application runs on. */
export type Platform = 'Express' | 'Fastify' | 'Fastify, HTTP/2';

/** Those that browsers and `fetch` speak to. */
export const PLATFORMS: readonly Platform[] = ['Express', 'Fastify'];

export const PLATFORMS_AND_HTTP2: readonly Platform[] = [...PLATFORMS, 'Fastify, HTTP/2'];

/** How a client speaks to a platform. */
export function sendTo(platform: Platform): Send {
  return platform === 'Fastify, HTTP/2' ? overHttp2 : overHttp1;
}

/** What the responses of Express and Fastify have in common. */
export interface PlatformResponse {
  /** Node's own response, on Fastify. */
  readonly raw?: ServerResponse;
  status(code: number): PlatformResponse;
  header(name: string, value: string): PlatformResponse;
  redirect(url: string): void;
  send(body?: unknown): void;
  /** On Express. */
  json?(body: unknown): void;
}

/** Node's own response. */
export function rawOf(response: PlatformResponse): ServerResponse {
  return response.raw ?? (response as unknown as ServerResponse);
}
