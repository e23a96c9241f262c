import { execFileSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs, once, what snippets use and the library does not: package.json beside this file lists it. Their peers are those of the
 * project, which is found in the folders above, and by its own name as in an application.
 */
export function installPackages(): void {
  const modules = join(import.meta.dirname, 'node_modules');
  if (!existsSync(join(modules, '@nestjs/swagger'))) {
    const options = ['--legacy-peer-deps', '--ignore-scripts', '--no-package-lock', '--prefer-offline', '--no-audit'];
    execFileSync('npm', ['install', ...options], { cwd: import.meta.dirname, stdio: 'pipe' });
  }
  const own = join(modules, 'nestjs-mikro-session');
  if (!existsSync(own)) symlinkSync('../../..', own);
}
