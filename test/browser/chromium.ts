import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type LaunchOptions,
  type Page,
} from 'playwright-core';

/** The first of some programs that is installed. */
export function programOf(names: readonly string[], advice: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one, then.
    }
  }
  throw new Error(`These tests need one of ${names.join(', ')} on the PATH, and there is none. ${advice}`);
}

function chromiumPath(): string {
  return (
    process.env['CHROMIUM_PATH'] ??
    programOf(
      ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
      'Install it (Debian: apt-get install chromium), or say where it is with CHROMIUM_PATH.',
    )
  );
}

/** A real browser, for all tests of a file. It finds every host below `.test` on this machine. */
export function useChromium(options: LaunchOptions = {}): {
  visitor(options?: BrowserContextOptions): Promise<BrowserContext>;
} {
  let browser: Browser | undefined;
  const contexts: BrowserContext[] = [];
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: chromiumPath(),
      ...options,
      args: [
        '--host-resolver-rules=MAP *.test 127.0.0.1',
        // Chromium refuses to run as root in its sandbox.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        ...(options.args ?? []),
      ],
    });
  }, 60_000);
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
  });
  return {
    /** A browser of somebody who has not been anywhere, and who believes any certificate. */
    async visitor(contextOptions = {}) {
      const context = await (browser as Browser).newContext({ ignoreHTTPSErrors: true, ...contextOptions });
      contexts.push(context);
      return context;
    },
  };
}

/** Goes to a page, and reads what it says. */
export async function read(page: Page, url: string): Promise<string | null> {
  await page.goto(url);
  return page.locator('body').textContent();
}
