import { MikroORM } from '@mikro-orm/core';
import type { INestApplication } from '@nestjs/common';

interface Query {
  readonly text?: string;
}

/**
 * How many statements go to the database meanwhile, by the connections of an application's driver.
 *
 * @param matching counts only those with this in their text
 */
export async function statements(
  app: { readonly app: INestApplication },
  during: () => Promise<unknown>,
  matching = '',
): Promise<number> {
  const pool = await app.app.get<any>(MikroORM).driver.getConnection().getNativeClient();
  const { prototype } = pool.Client as { prototype: { query: (...args: unknown[]) => unknown } };
  const { query } = prototype;
  let count = 0;
  prototype.query = function (this: unknown, ...args: unknown[]) {
    const [first] = args as [Query | string];
    if ((typeof first === 'string' ? first : (first.text ?? '')).includes(matching)) count++;
    return query.apply(this, args);
  };
  try {
    await during();
  } finally {
    prototype.query = query;
  }
  return count;
}
