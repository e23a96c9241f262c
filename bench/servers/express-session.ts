import { promisify } from 'node:util';
import { Controller, Module, Post, Req } from '@nestjs/common';
import connectPgSimple from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import type { Request } from 'express';
import session from 'express-session';
import pg from 'pg';
import { createClient, createCluster } from 'redis';
import { needsRedis } from '../contestants.js';
import { randomUserId } from '../sample-data.js';
import { PeerController } from './peer.controller.js';
import { createApp } from './platform.js';
import type { Setting, StartServer } from './setting.js';

@Controller()
class ExpressSessionController extends PeerController {
  /** As its documentation has it: another id, against fixation. What the visitor had comes along. */
  @Post('login')
  async login(@Req() request: Request): Promise<object> {
    const { cookie: _, ...data } = request.session;
    await promisify(request.session.regenerate.bind(request.session))();
    Object.assign(request.session, data, { userId: randomUserId() });
    await promisify(request.session.save.bind(request.session))();
    return {};
  }
}

@Module({ controllers: [ExpressSessionController] })
class PeerModule {}

/** express-session as its documentation recommends it, but for `rolling`, which renews the expiry on every request. */
export const start: StartServer = async (setting) => {
  const app = await createApp(PeerModule, 'express');
  app.use(
    session({
      store: await storeFor(setting),
      secret: setting.secret,
      resave: false,
      saveUninitialized: false,
      rolling: true,
      cookie: { maxAge: setting.idleSeconds * 1000 },
    }),
  );
  return app;
};

async function storeFor({ contestant, databaseUrl, redisUrls, poolSize }: Setting): Promise<session.Store> {
  if (needsRedis(contestant)) {
    const client =
      redisUrls.length > 1
        ? createCluster({ rootNodes: redisUrls.map((url) => ({ url })) })
        : createClient({ url: redisUrls[0] ?? '' });
    await client.connect();
    return new RedisStore({ client });
  }
  const PgStore = connectPgSimple(session);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize });
  return new PgStore({ pool, createTableIfMissing: true });
}
