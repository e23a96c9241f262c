import { readFile, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { REASONS } from './reasons.mjs';

/** How much of a mutant is shown, in characters. */
const MOST = 90;

/** Writes down which mutants of a folder no test has noticed, each with the reason if there is one. */
export async function writeSurvivors(folder, mutants) {
  const lines = [
    `# Survivors: ${folder}`,
    '',
    'Written by `npm run test:mutation`. The reasons are in [reasons.mjs](reasons.mjs).',
    '',
  ];
  const survivors = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  for (const [file, ofFile] of Map.groupBy(survivors, ({ fileName }) => relative('.', fileName))) {
    const source = (await readFile(file, 'utf8')).split('\n');
    lines.push(`## ${file}`, '', '| line | code | in its place | why no test notices |', '| --- | --- | --- | --- |');
    for (const mutant of ofFile.toSorted((one, other) => one.location.start.line - other.location.start.line)) {
      const original = originalOf(mutant, source);
      const { replacement = '', location } = mutant;
      const why = reasonFor(file, `${original} → ${replacement}`);
      lines.push(`| ${location.start.line} | ${code(original)} | ${code(replacement)} | ${why} |`);
    }
    lines.push('');
  }
  const file = `test/mutation/survivors-${folder}.md`;
  await writeFile(file, await format(lines.join('\n'), { ...(await resolveConfig(file)), parser: 'markdown' }));
}

/** Lines and columns are counted from 1. */
function originalOf({ location: { start, end } }, source) {
  const lines = source.slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  return lines.join('\n').slice(start.column - 1);
}

/** @param change what stood there, an arrow, and what stands there now */
function reasonFor(file, change) {
  return REASONS.find(([of, part]) => of === file && change.includes(part))?.[2] ?? '';
}

function code(text) {
  const line = text.replaceAll(/\s+/g, ' ');
  const shown = line.length > MOST ? `${line.slice(0, MOST)}…` : line;
  return `\`\` ${shown.replaceAll('|', '\\|').replaceAll('`', "'")} \`\``;
}
