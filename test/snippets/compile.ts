import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { fileOf, type SnippetFile } from './form.js';
import { ALL_MODULES, type Exports, exportsOf, importsFor, moduleOfNames } from './imports.js';
import type { Snippet } from './markdown.js';

const FOLDER = join(import.meta.dirname, 'dist');
/** What snippets speak of and do not show. */
const GIVEN = join(import.meta.dirname, 'given');

/** As an application would be compiled. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  esModuleInterop: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  types: ['node', 'jest'],
  skipLibCheck: true,
  rootDir: join(import.meta.dirname, '../..'),
  outDir: join(import.meta.dirname, '../..'),
};

export interface CompiledSnippet extends Snippet {
  /** Whether it exports `options` for `SessionModule.forRoot()`. */
  readonly options: boolean;
  /** Whether to load it does no more than to declare: classes, functions, types. */
  readonly declares: boolean;
  /** What the compiler says against it, with the line of the page. */
  readonly errors: readonly string[];
  /** The JavaScript made of it. */
  readonly file: string;
}

interface Source extends Snippet, Omit<SnippetFile, 'text'> {
  /** Where its TypeScript would be: it is in memory only. */
  readonly path: string;
  text: string;
}

/** Compiles snippets against the built package, and writes the JavaScript to test/snippets/dist. */
export function compileSnippets(snippets: readonly Snippet[]): CompiledSnippet[] {
  const sources = snippets.map(sourceOf);
  const compiler = new Compiler();
  const exports = compiler.exports();
  for (const source of sources) {
    const ofPage = moduleOfNames(exports, source.from);
    for (const other of sources) {
      if (other.page !== source.page || other.line >= source.line) continue;
      for (const [, name] of other.text.matchAll(/^(?:export )?(?:abstract )?class (\w+)/gm)) {
        if (other.form === 'file' || other.form === 'statements') {
          ofPage.set(name as string, `./${basename(other.path).replace(/ts$/, 'js')}`);
        }
      }
    }
    source.text = `${importsFor(source.text, ofPage)}${withExports(source.text)}\nexport {};\n`;
  }
  // What a page says of the data of sessions holds for the whole of a program.
  const groups = new Map<string, Source[]>();
  for (const source of sources) {
    const augments = sources.some((one) => one.page === source.page && one.text.includes('interface SessionData'));
    const group = augments ? source.page : '';
    groups.set(group, [...(groups.get(group) ?? []), source]);
  }
  return [...groups.values()].flatMap((group) => compiler.compile(group));
}

function sourceOf(snippet: Snippet): Source {
  const { text, ...file } = fileOf(snippet.code);
  // As Nest 11 makes projects: the modules of the application without their extensions, compiled to CommonJS.
  const extension = /from '\.\.?\/[^']*'/.test(text) && !/from '\.[^']*\.js'/.test(text) ? 'cts' : 'ts';
  const path = join(FOLDER, `${snippet.page.replace('.md', '')}-${snippet.line}.${extension}`);
  return { ...snippet, ...file, text, path };
}

/** Classes are exported, so that a test can run them. */
function withExports(text: string): string {
  return text.replaceAll(/^((?:abstract )?class )/gm, 'export $1');
}

class Compiler {
  readonly #files = new Map<string, string>();
  readonly #parsed = new Map<string, ts.SourceFile | undefined>();
  readonly #host: ts.CompilerHost;

  constructor() {
    const host = ts.createCompilerHost(OPTIONS);
    this.#host = {
      ...host,
      fileExists: (path) => this.#files.has(path) || host.fileExists(path),
      readFile: (path) => this.#files.get(path) ?? host.readFile(path),
      getSourceFile: (path, options, ...rest) => {
        const own = this.#files.get(path);
        if (own !== undefined) return ts.createSourceFile(path, own, options, true);
        if (!this.#parsed.has(path)) this.#parsed.set(path, host.getSourceFile(path, options, ...rest));
        return this.#parsed.get(path);
      },
      directoryExists: (path) => path === FOLDER || ts.sys.directoryExists(path),
    };
  }

  exports(): Exports {
    const file = join(FOLDER, 'all-modules.ts');
    this.#files.set(file, ALL_MODULES);
    return exportsOf(ts.createProgram([file], OPTIONS, this.#host), file);
  }

  compile(sources: readonly Source[]): CompiledSnippet[] {
    const given = ['given.d.ts', 'app.module.ts'].map((name) => join(GIVEN, name));
    this.#files.set(join(FOLDER, 'app.module.ts'), readFileSync(given[1] as string, 'utf8'));
    for (const { path, text } of sources) this.#files.set(path, text);
    const program = ts.createProgram([given[0] as string, ...sources.map(({ path }) => path)], OPTIONS, this.#host);
    return sources.map((source) => {
      const { page, line, code, from, options, declares, path } = source;
      const file = program.getSourceFile(path);
      const errors = ts.getPreEmitDiagnostics(program, file).map((one) => messageOf(one, source));
      let script = '';
      program.emit(file, (name, text) => {
        if (!name.endsWith('js')) return;
        script = name;
        mkdirSync(dirname(name), { recursive: true });
        writeFileSync(name, text);
      });
      return { page, line, code, from, options, declares, errors, file: script };
    });
  }
}

function messageOf({ file, start, messageText }: ts.Diagnostic, { page, line }: Source): string {
  const message = ts.flattenDiagnosticMessageText(messageText, ' ');
  if (file === undefined || start === undefined) return message;
  const within = file.getLineAndCharacterOfPosition(start).line;
  return `${page}:${line + within} ${message} (${relative(FOLDER, file.fileName)})`;
}
