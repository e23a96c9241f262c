import { defineEntity, EntityManager, p, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Controller, type DynamicModule, Get, type INestApplication, Inject, Module } from '@nestjs/common';
import { createApp } from './platform.js';
import type { Setting } from './setting.js';

const Book = defineEntity({
  name: 'Book',
  tableName: 'book',
  properties: { id: p.integer().primary(), title: p.text() },
});

/** Asks its database before it listens, as an application does that looks whether its schema is the right one. */
@Controller()
class BooksController {
  readonly #em: EntityManager;

  constructor(@Inject(EntityManager) em: EntityManager) {
    this.#em = em;
  }

  async onModuleInit(): Promise<void> {
    await this.count();
  }

  @Get('books')
  async count(): Promise<{ books: number }> {
    return { books: await this.#em.fork().count(Book) };
  }
}

@Module({ imports: [MikroOrmModule.forFeature([Book])], controllers: [BooksController] })
class BooksModule {}

/** An application on MikroORM and PostgreSQL, with what else it imports. */
export async function application(setting: Setting, imports: readonly DynamicModule[]): Promise<INestApplication> {
  const database = await MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    clientUrl: setting.databaseUrl,
    autoLoadEntities: true,
    pool: { min: 0, max: setting.poolSize },
  });
  return createApp({ module: BooksModule, imports: [database, ...imports] }, setting.contestant.platform);
}
