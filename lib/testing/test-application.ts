import type { INestApplicationContext } from '@nestjs/common';

/** What holds the sessions of a test: an application (`createNestApplication()`), or the testing module itself, after `init()`. */
export type TestApplication = Pick<INestApplicationContext, 'get'>;

/** A provider, in whichever module it is. */
export function provided<Provider>(app: TestApplication, token: object | symbol): Provider {
  return app.get<Provider>(token as never, { strict: false });
}
