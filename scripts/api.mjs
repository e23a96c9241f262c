// Writes etc/api: what each entry of the built package exports, with the types. With a folder as its argument, writes it there.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = resolve(import.meta.dirname, '..');
const folder = resolve(process.argv[2] ?? join(root, 'etc/api'));
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
mkdirSync(folder, { recursive: true });

for (const [entry, { types }] of Object.entries(exports)) {
  if (types === undefined) continue;
  const name = entry === '.' ? 'index' : entry.replace('./', '');
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, types),
      compiler: { tsconfigFilePath: join(root, 'tsconfig.build.json') },
      newlineKind: 'lf',
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: folder,
        reportTempFolder: folder,
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        // What else it looks for is style: the report is for the types.
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const { succeeded } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = message.logLevel !== 'error';
    },
  });
  if (!succeeded) process.exitCode = 1;
  const report = join(folder, `${name}.api.md`);
  writeFileSync(report, withoutInternals(readFileSync(report, 'utf8')));
}

/**
 * A report without the types that only constructors lead to: those of what Nest constructs lead to all that is inside, and
 * would change with each change there.
 */
function withoutInternals(report) {
  const blocks = report.split('\n\n');
  const nameOf = (block) =>
    /^(?:export )?(?:abstract )?(?:class|const|enum|function|interface|type) (\w+)/m.exec(block)?.[1];
  const namesIn = (block) => block.replaceAll(/^ +constructor\(.*$/gm, '').match(/\w+/g);
  const inner = new Map(
    blocks
      .filter((block) => nameOf(block) !== undefined && !/^export /m.test(block))
      .map((block) => [nameOf(block), block]),
  );
  const left = blocks.filter((block) => !inner.has(nameOf(block)) && !block.startsWith('import '));
  const reached = new Set();
  for (const queue = [...left]; queue.length > 0;) {
    for (const name of namesIn(queue.pop()) ?? []) {
      if (!inner.has(name) || reached.has(name)) continue;
      reached.add(name);
      queue.push(inner.get(name));
    }
  }
  return blocks
    .filter((block) => !block.startsWith('import ') && (!inner.has(nameOf(block)) || reached.has(nameOf(block))))
    .join('\n\n');
}
