import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FAULTS } from './faults.js';
import { type Durability, type Outcome, play } from './play.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: String(randomInt(2 ** 31)) }, rounds: { type: 'string', default: '3' } },
});

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

const DURABILITIES: readonly (readonly [string, Durability])[] = [
  ['none', { waitForReplicas: 0 }],
  ['logins and ends', { waitForReplicas: 1 }],
  ['all writes', { waitForReplicas: 1, waitForReplicasOnCommit: true }],
];

/** Whether nothing was wrong, and nothing lost or revived where all waited for replicas. */
async function main(): Promise<boolean> {
  const rounds = Number(values.rounds);
  const seed = Number(values.seed);
  let isKept = true;
  say(`seed ${seed}, ${rounds} rounds of each\n`);
  say('| fault | waits for a replica | acknowledged | refused | longest | recovery | lost | revived | wrong |');
  say('| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const fault of FAULTS) {
    if (positionals.length > 0 && !positionals.includes(fault.name)) continue;
    for (const [name, durability] of DURABILITIES) {
      const outcomes: Outcome[] = [];
      for (let round = 0; round < rounds; round++) outcomes.push(await play(fault, durability, seed + round));
      const total = (key: keyof Outcome): number => outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
      const most = (key: keyof Outcome): number => Math.max(...outcomes.map((outcome) => outcome[key]));
      const cells = [
        `\`${fault.name}\`: ${fault.title}`,
        name,
        total('acknowledged'),
        total('refused'),
        `${most('slowest')} ms`,
        `${most('recovery')} ms`,
        total('lost'),
        total('revived'),
        total('wrong'),
      ];
      say(`| ${cells.join(' | ')} |`);
      if (total('wrong') > 0 || (name === 'all writes' && total('lost') + total('revived') > 0)) isKept = false;
    }
  }
  return isKept;
}

main().then(
  (isKept) => {
    process.exitCode = isKept ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  },
);
