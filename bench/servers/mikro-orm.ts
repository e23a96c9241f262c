import { randomUUID } from 'node:crypto';
import { defineEntity, type EntityManager, MikroORM, p, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { type CallHandler, type ExecutionContext, Module, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import { from, mergeMap, type Observable } from 'rxjs';
import { PeerController } from './peer.controller.js';
import { createApp } from './platform.js';
import type { StartServer } from './setting.js';

const PlainSession = defineEntity({
  name: 'PlainSession',
  tableName: 'plain_session',
  properties: { id: p.uuid().primary(), data: p.json().$type<Record<string, unknown>>(), expiresAt: p.datetime() },
});

/** What one would write on a free afternoon: find the row, run the handler, flush the entity manager. */
class PlainSessionInterceptor implements NestInterceptor {
  readonly #em: EntityManager;
  readonly #idle: number;

  constructor(em: EntityManager, idle: number) {
    this.#em = em;
    this.#idle = idle;
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<Omit<Request, 'session'> & { session?: object }>();
    const em = this.#em.fork();
    const id = /(?:^|; )plain=([\da-f-]{36})/.exec(request.headers.cookie ?? '')?.[1];
    const found = id === undefined ? null : await em.findOne(PlainSession, { id, expiresAt: { $gt: new Date() } });
    const expiresAt = new Date(Date.now() + this.#idle);
    const session = found ?? em.create(PlainSession, { id: randomUUID(), data: {}, expiresAt });
    request.session = session.data;
    session.expiresAt = expiresAt;
    const save = async (value: unknown): Promise<unknown> => {
      await em.flush();
      http.getResponse<Response>().cookie('plain', session.id, { httpOnly: true, maxAge: this.#idle });
      return value;
    };
    return next.handle().pipe(mergeMap((value) => from(save(value))));
  }
}

@Module({ controllers: [PeerController] })
class PlainModule {}

export const start: StartServer = async ({ contestant, databaseUrl, poolSize, idleSeconds }) => {
  const orm = await MikroORM.init({
    driver: PostgreSqlDriver,
    clientUrl: databaseUrl,
    entities: [PlainSession],
    pool: { min: 0, max: poolSize },
  });
  await orm.schema.update({ safe: true });
  const app = await createApp(PlainModule, contestant.platform);
  app.useGlobalInterceptors(new PlainSessionInterceptor(orm.em, idleSeconds * 1000));
  return app;
};
