import 'reflect-metadata';
import type { Server } from 'node:http';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SessionModule, type SessionModuleOptions } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { joinDatabase } from './database.js';
import { VisitController } from './visit.controller.js';

const redis = process.env['HISTORY_REDIS'] ?? '';

/** @param database `null`: sessions are in the Redis Cluster that `HISTORY_REDIS` names */
async function start(database: string | null): Promise<NestExpressApplication> {
  const besides = JSON.parse(process.argv[2] ?? '{}') as SessionModuleOptions;

  // Generous, for a machine that stands still for a moment must look neither like a fault nor like the end of the grace.
  const options = { ensureSchema: true, queryTimeout: '20s', rotationGrace: '10m', ...besides };

  @Module({
    imports:
      database === null
        ? [SessionModule.forRoot({ ...options, store: redisSessionStore({ nodes: redis.split(',') }) })]
        : [
            MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: database, autoLoadEntities: true }),
            SessionModule.forRoot(options),
          ],
    controllers: [VisitController],
  })
  class HistoryModule {}

  const app = await NestFactory.create<NestExpressApplication>(HistoryModule, { logger: false, abortOnError: false });
  // A connection that is closed for idling at the moment when a request comes leaves its outcome unknown.
  (app.getHttpServer() as Server).keepAliveTimeout = 3_600_000;
  await app.listen(0, '127.0.0.1');
  return app;
}

/** Ends with the process that started it, however that ends: its channel closes then. */
async function main(): Promise<void> {
  const ended = new Promise<void>((resolve) => process.once('disconnect', resolve));
  // Ctrl-C reaches all processes of the terminal; the one that started us decides.
  process.on('SIGINT', () => {});
  const database = redis === '' ? await joinDatabase() : null;
  const app = await start(database?.url ?? null);
  const { port } = app.getHttpServer().address() as { port: number };
  if (process.connected) process.send?.({ port });
  await ended;
  await Promise.race([app.close(), new Promise((resolve) => setTimeout(resolve, 2_000))]);
  await database?.leave();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
