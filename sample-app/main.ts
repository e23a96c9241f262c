import { once } from 'node:events';
import { ConsoleLogger, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SessionSetupError } from 'nestjs-mikro-session';
import { DEMO_ACCOUNTS } from './account/users.js';
import { setUp } from './app.setup.js';
import { openSessionPlace } from './session-place.js';
import { StartupError } from './startup-error.js';
import { stopSignal } from './stop-signal.js';

const HOST = '127.0.0.1';

const stop = stopSignal();
try {
  await run();
} catch (error) {
  console.error(error instanceof StartupError || error instanceof SessionSetupError ? error.message : error);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const port = portOf(process.env.PORT);
  const place = await openSessionPlace();
  try {
    const app = await startApp(await place.app(), port);
    if (!stop.aborted) {
      announce(await app.getUrl());
      await once(stop, 'abort');
    }
    await app.close();
  } finally {
    await place.release();
  }
}

async function startApp(shop: DynamicModule, port: number): Promise<NestExpressApplication> {
  const logger = new ConsoleLogger({ logLevels: ['warn', 'error', 'fatal'] });
  const app = await NestFactory.create<NestExpressApplication>(shop, {
    logger,
    abortOnError: false,
    forceCloseConnections: true,
  });
  setUp(app);
  try {
    await app.init();
    // Nest would report a busy port too.
    app.useLogger(false);
    await app.listen(port, HOST);
    app.useLogger(logger);
    return app;
  } catch (error) {
    await app.close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new StartupError(`Port ${port} is in use by another program; choose another one: PORT=${port + 1} npm start`);
  }
}

function announce(url: string): void {
  console.log(`The shop is open at ${url}`);
  for (const { id, password } of DEMO_ACCOUNTS) console.log(`Sign in as ${id} with the password ${password}`);
  console.log('Ctrl-C stops it.');
}

function portOf(text: string | undefined): number {
  const port = Number(text || 3000);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new StartupError(`PORT must be a number from 0 to 65535, but is "${text}".`);
}
