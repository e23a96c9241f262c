import { Module } from '@nestjs/common';
import connectPgSimple from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import pg from 'pg';
import { createClient, createCluster } from 'redis';
import { needsRedis } from '../contestants.js';
import { PeerController } from './peer.controller.js';
import { createApp } from './platform.js';
import type { Setting, StartServer } from './setting.js';

@Module({ controllers: [PeerController] })
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
