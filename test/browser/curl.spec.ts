import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { selfSigned } from './certificate.js';
import { programOf } from './chromium.js';
import { SiteController } from './site.js';

const run = promisify(execFile);
const controllers = [SiteController];

describe.each(PLATFORMS)('With curl’s cookie jar, on %s', (platform) => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'curl-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const curl = async (port: number, path: string, scheme = 'http', host = 'app.test') => {
    const program = programOf(['curl'], 'Install it (Debian: apt-get install curl).');
    const jar = join(folder, 'jar');
    const resolve = `${host}:${port}:127.0.0.1`;
    const args = ['-sk', '-c', jar, '-b', jar, '--resolve', resolve, `${scheme}://${host}:${port}${path}`];
    return (await run(program, args)).stdout;
  };
  /** What the jar holds: domain, whether for hosts below it, path, whether secure, name; and whether HttpOnly. */
  const jar = async () =>
    (await readFile(join(folder, 'jar'), 'utf8'))
      .split('\n')
      .filter((line) => line !== '' && !/^#( |$)/.test(line))
      .map((line) => line.split('\t'))
      .map(([domain, below, path, secure, _expires, name]) => [domain, below, path, secure, name]);

  describe('over plain HTTP', () => {
    const fixture = useApp({ platform, controllers });

    it('a login is kept, found again, and removed by a logout', async () => {
      const { port } = fixture.app;
      expect(await curl(port, '/login')).toBe('signed in as ada');
      expect(await jar()).toEqual([['#HttpOnly_app.test', 'FALSE', '/', 'FALSE', 'session_id']]);
      expect(await curl(port, '/me')).toBe('ada');
      await curl(port, '/logout');
      expect(await jar()).toEqual([]);
      expect(await curl(port, '/me')).toBe('nobody');
    });
  });

  describe('over HTTPS, with __Host-', () => {
    const options = { cookie: { name: '__Host-sid', secure: true, sameSite: 'none', partitioned: true } } as const;
    const fixture = useApp({ platform, controllers, options, tls: selfSigned() });

    it('a login is kept, found again, and removed by a logout', async () => {
      const { port } = fixture.app;
      await curl(port, '/login', 'https');
      expect(await jar()).toEqual([['#HttpOnly_app.test', 'FALSE', '/', 'TRUE', '__Host-sid']]);
      expect(await curl(port, '/me', 'https')).toBe('ada');
      await curl(port, '/logout', 'https');
      expect(await jar()).toEqual([]);
    });
  });

  describe('with secure: true over plain HTTP', () => {
    const fixture = useApp({ platform, controllers, options: { cookie: { secure: true } } });

    it('nothing is kept, and a warning says so', async () => {
      await curl(fixture.app.port, '/login');
      expect(await jar()).toEqual([]);
      expect(fixture.app.warnings).toEqual([expect.stringContaining('Browsers drop it')]);
    });
  });
});
