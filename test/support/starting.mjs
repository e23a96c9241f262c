// An application in a process of its own, with the built package: closed when its parent says so, by a message or a signal, which it shows
// by disconnecting from it.
import 'reflect-metadata';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';

const { database, redis } = JSON.parse(process.argv[2]);
const inPostgres = () => [
  MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: database, autoLoadEntities: true }),
  SessionModule.forRoot({ ensureSchema: true }),
];
const inRedis = () => [SessionModule.forRoot({ store: redisSessionStore({ nodes: [redis] }) })];

class AppModule {}
Module({ imports: redis === undefined ? inPostgres() : inRedis() })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
process.once('SIGTERM', () => process.disconnect());
app.enableShutdownHooks();
process.once('message', () => {
  process.disconnect();
  void app.close().then(() => process.stdout.write('closed\n'));
});
await app.listen(0, '127.0.0.1').then(
  () => process.stdout.write('listening\n'),
  (error) => process.stdout.write(`${error.message}\n`),
);
