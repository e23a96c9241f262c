import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { ServerResponse } from 'node:http';
import { overHttp1, overHttp2, type Send } from './exchange.js';

export type PlatformName = 'Express' | 'Fastify' | 'Fastify, HTTP/2';

/** What a Nest application can run on, and how a client speaks to it. */
export interface Platform {
  readonly name: PlatformName;
  readonly send: Send;
  adapter(): AbstractHttpAdapter;
}

export const PLATFORMS: readonly Platform[] = [
  { name: 'Express', send: overHttp1, adapter: () => new ExpressAdapter() },
  { name: 'Fastify', send: overHttp1, adapter: () => new FastifyAdapter() },
  { name: 'Fastify, HTTP/2', send: overHttp2, adapter: () => new FastifyAdapter({ http2: true } as never) },
];

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
