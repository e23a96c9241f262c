import { Migrator } from '@mikro-orm/migrations';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Controller, type DynamicModule, Get, Inject, Module, Post } from '@nestjs/common';
import { Session, SessionEntity, SessionMigration, SessionModule, SessionService } from 'nestjs-mikro-session';
import { needsRedis } from '../contestants.js';
import { type Counting, randomUserId, type Reading, readingOf, type SampleData, sampleData } from '../sample-data.js';
import { createApp } from './platform.js';
import type { Setting, StartServer } from './setting.js';

declare module 'nestjs-mikro-session' {
  interface SessionData extends SampleData {}
}

@Controller()
class OursController {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  @Get('read')
  read(@Session() session: Session): Reading {
    return readingOf(session.data as SampleData);
  }

  @Post('count')
  count(@Session() session: Session): Counting {
    return { count: session.increment('count') };
  }

  @Post('seed')
  seed(@Session() session: Session): object {
    Object.assign(session.data, sampleData());
    return {};
  }

  /** For the check of memory. */
  @Get('keys')
  keys(@Session() session: Session): object {
    return { keys: session.keys(), flashes: session.flashes() };
  }

  @Post('login')
  async login(@Session() session: Session): Promise<object> {
    await session.login(randomUserId());
    return {};
  }

  /** For the check of memory. */
  @Post('welcome')
  async welcome(@Session() session: Session): Promise<object> {
    await session.login(randomUserId(), { roles: ['reader'] });
    session.flash('info', 'Welcome back.');
    return {};
  }

  /** For the check of memory. */
  @Post('logout')
  async logout(@Session() session: Session): Promise<object> {
    await session.logout();
    return {};
  }

  /** For the benchmark of the sweep. */
  @Post('purge')
  async purge(): Promise<{ purged: number }> {
    return { purged: await this.#sessions.purgeExpired() };
  }
}

@Module({ controllers: [OursController] })
class OursModule {}

export const start: StartServer = async (setting) => {
  const { contestant, idleSeconds } = setting;
  const options = { idleTimeout: idleSeconds * 1000, ...contestant.options };
  const imports = needsRedis(contestant)
    ? [SessionModule.forRoot({ ...options, store: await redisStore(setting) })]
    : [await database(setting), SessionModule.forRoot({ ...options, ensureSchema: true })];
  return createApp({ module: OursModule, imports }, contestant.platform);
};

async function database({ contestant, databaseUrl, poolSize }: Setting): Promise<DynamicModule> {
  if (contestant.partitions !== undefined) await createPartitioned(databaseUrl, contestant.partitions);
  return MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    clientUrl: databaseUrl,
    autoLoadEntities: true,
    // An entity manager a request is what an application may want; sessions need none, and the peers have none.
    registerRequestContext: false,
    pool: { min: 0, max: poolSize },
  });
}

/** What is there already, the application takes as it is. */
async function createPartitioned(clientUrl: string, partitions: number): Promise<void> {
  const migrationsList = [{ name: 'sessions', class: SessionMigration.partitioned(partitions) }];
  const orm = await MikroORM.init({
    driver: PostgreSqlDriver,
    clientUrl,
    entities: [SessionEntity],
    extensions: [Migrator],
    migrations: { migrationsList, silent: true, snapshot: false },
  });
  await orm.migrator.up();
  await orm.close();
}

async function redisStore({ contestant, redisUrls }: Setting) {
  // The others load no client of Redis.
  const { redisSessionStore } = await import('nestjs-mikro-session/redis');
  return redisSessionStore({ nodes: redisUrls, ...contestant.redisOptions });
}
