// Before a release: whether an advisory speaks of what users get with the package, and the list of that (a software bill of
// materials). What the application brings, the peer dependencies, is in neither.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BILL = 'sbom.cdx.json';
const { name, version, description, license, dependencies } = JSON.parse(await readFile('package.json', 'utf8'));

const audit = JSON.parse(npm('.', 'audit', '--omit=dev', '--json').stdout);
if (audit.metadata === undefined) {
  fail(
    `The registry could not be asked for advisories (${audit.message ?? 'no reason given'}): nothing is known about them.`,
  );
}
const found = Object.values(audit.vulnerabilities);
for (const { name: affected, severity, via } of found) {
  process.stderr.write(`${affected} (${severity}): ${via.map((one) => one.title ?? one).join('; ')}\n`);
}
if (found.length > 0) fail('Advisories speak of what users get with the package.');

await writeFile(BILL, await billOfMaterials());
process.stdout.write(`No advisories. What users get with the package is listed in ${BILL}.\n`);

/**
 * Made where nothing else is installed: of a tree with development dependencies, `npm sbom --omit dev` (npm 11) leaves out
 * packages that are no such dependencies, and it takes the folder's name for the package's.
 */
async function billOfMaterials() {
  const folder = await mkdtemp(join(tmpdir(), 'session-release-'));
  try {
    const home = join(folder, name);
    await mkdir(home);
    await writeFile(join(home, 'package.json'), JSON.stringify({ name, version, description, license, dependencies }));
    await copyFile('package-lock.json', join(home, 'package-lock.json'));
    const pruned = npm(home, 'install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund');
    if (pruned.status !== 0) throw new Error(pruned.stderr);
    const { stdout, stderr, status } = npm(home, 'sbom', '--package-lock-only', '--sbom-format', 'cyclonedx');
    if (status !== 0) throw new Error(stderr);
    const { components } = JSON.parse(stdout);
    const missing = Object.keys(dependencies).filter((one) => !components.some((component) => component.name === one));
    if (missing.length > 0) throw new Error(`The bill of materials lacks ${missing.join(', ')}.`);
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function npm(cwd, ...args) {
  const result = spawnSync('npm', args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.error) throw result.error;
  return result;
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
