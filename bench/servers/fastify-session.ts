import cookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import connectPgSimple from 'connect-pg-simple';
import expressSession from 'express-session';
import pg from 'pg';
import { PeerController } from './peer.controller.js';
import { createApp } from './platform.js';
import type { StartServer } from './setting.js';

@Module({ controllers: [PeerController] })
class PeerModule {}

/** @fastify/session, which takes the stores of express-session as they are. */
export const start: StartServer = async ({ databaseUrl, poolSize, secret, idleSeconds }) => {
  const app = (await createApp(PeerModule, 'fastify')) as NestFastifyApplication;
  const PgStore = connectPgSimple(expressSession);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize });
  await app.register(cookie);
  await app.register(fastifySession, {
    store: new PgStore({ pool, createTableIfMissing: true }) as unknown as fastifySession.SessionStore,
    secret,
    saveUninitialized: false,
    rolling: true,
    cookie: { maxAge: idleSeconds * 1000, secure: false },
  });
  return app;
};
