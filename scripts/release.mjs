// npm run release -- 0.2.0: checks, sets the version, dates its heading in CHANGELOG.md, commits, tags, and tries to publish.
// Pushing, which publishes, is left to a person: see CONTRIBUTING.md. With --dry, nothing is changed, only said.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const args = process.argv.slice(2);
const dry = args.includes('--dry');
const [version] = args.filter((arg) => arg !== '--dry');
const HEADING = new RegExp(`^## ${version?.replaceAll('.', String.raw`\.`)} \\(not released yet\\)$`, 'm');
const changelog = readFileSync('CHANGELOG.md', 'utf8');
const { scripts, version: current } = JSON.parse(readFileSync('package.json', 'utf8'));

assertReady();
if (scripts['release:check'] !== undefined) step('npm', 'run', 'release:check');
if (!dry) {
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync('CHANGELOG.md', changelog.replace(HEADING, `## ${version} (${today})`));
}
step('npm', 'version', version, '--no-git-tag-version', '--allow-same-version', '--ignore-scripts');
step('git', 'commit', '--all', '--message', `Release ${version}`);
step('git', 'tag', '--annotate', `v${version}`, '--message', `Version ${version}`);
// Where a package was built can be proven by CI only: elsewhere npm refuses --provenance.
const provenance = process.env.CI === undefined ? [] : ['--provenance'];
step('npm', 'publish', '--dry-run', '--access', 'public', ...provenance);
process.stdout.write(`Left to do: git push --follow-tags, and in CI: npm publish --provenance --access public\n`);

function assertReady() {
  if (!/^\d+\.\d+\.\d+$/.test(version ?? '')) fail('Say which version, as in: npm run release -- 0.2.0');
  const branch = output('git', 'rev-parse', '--abbrev-ref', 'HEAD');
  if (branch !== 'main') fail(`Releases are made on main, and this is ${branch}.`);
  if (output('git', 'status', '--porcelain') !== '') fail('Commit or remove first what "git status" shows.');
  if (output('git', 'tag', '--list', `v${version}`) !== '') fail(`There is a tag v${version} already.`);
  if (isBelow(version, current)) fail(`${version} is below the version of package.json, ${current}.`);
  if (!HEADING.test(changelog)) fail(`CHANGELOG.md has no heading "## ${version} (not released yet)".`);
}

function isBelow(one, other) {
  const [left, right] = [one, other].map((text) => text.split('.').map(Number));
  const index = left.findIndex((number, at) => number !== right[at]);
  return index >= 0 && left[index] < right[index];
}

function step(command, ...rest) {
  process.stdout.write(`${dry ? 'Would run' : 'Runs'}: ${[command, ...rest].join(' ')}\n`);
  if (!dry) execFileSync(command, rest, { stdio: 'inherit' });
}

function output(command, ...rest) {
  return execFileSync(command, rest, { encoding: 'utf8' }).trim();
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
