import ts from 'typescript';

/** Where names come from that a snippet uses and does not import; of two that have one, the first. */
const MODULES = [
  'nestjs-mikro-session',
  'nestjs-mikro-session/store',
  'nestjs-mikro-session/testing',
  'nestjs-mikro-session/opentelemetry',
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/testing',
  '@nestjs/websockets',
  '@nestjs/graphql',
  '@nestjs/apollo',
  '@nestjs/terminus',
  '@nestjs/throttler',
  '@nestjs/swagger',
  '@nestjs/cache-manager',
  '@nestjs/cqrs',
  '@nestjs/passport',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
  '@nestjs/platform-socket.io',
  '@nestjs/platform-ws',
  '@mikro-orm/core',
  '@mikro-orm/postgresql',
  '@mikro-orm/nestjs',
  '@mikro-orm/migrations',
];

/** Names that more than one of them has, or that are global as well. */
const CHOSEN: Record<string, string> = {
  Request: 'express',
  Response: 'express',
  NextFunction: 'express',
  Express: 'express',
  IncomingMessage: 'node:http',
  ServerResponse: 'node:http',
  RequestListener: 'node:http',
  RequestHandler: 'express',
  Server: 'socket.io',
  ServerOptions: 'socket.io',
  Socket: 'socket.io',
  defineConfig: '@mikro-orm/postgresql',
};

/** A file that leads to all of them, so that a program knows what they export. */
export const ALL_MODULES = MODULES.map((name, index) => `import * as m${index} from '${name}';`).join('\n');

/** The names that each module exports, in the order of the list. */
export type Exports = ReadonlyMap<string, readonly string[]>;

export function exportsOf(program: ts.Program, file: string): Exports {
  const checker = program.getTypeChecker();
  const exports = new Map<string, readonly string[]>();
  for (const statement of program.getSourceFile(file)?.statements ?? []) {
    if (!ts.isImportDeclaration(statement)) continue;
    const module = checker.getSymbolAtLocation(statement.moduleSpecifier);
    const name = (statement.moduleSpecifier as ts.StringLiteral).text;
    if (module === undefined) throw new Error(`There is no module ${name}.`);
    exports.set(
      name,
      checker.getExportsOfModule(module).map((exported) => exported.name),
    );
  }
  return exports;
}

/** From a name to its module. @param first the module whose names count before those of others */
export function moduleOfNames(exports: Exports, first: string | null): Map<string, string> {
  const table = new Map<string, string>();
  for (const [module, names] of exports) for (const name of names) if (!table.has(name)) table.set(name, module);
  for (const [name, module] of Object.entries(CHOSEN)) table.set(name, module);
  for (const name of (first === null ? undefined : exports.get(first)) ?? []) table.set(name, first as string);
  return table;
}

/** The imports of the names that a file uses, and neither declares nor imports. In one line. */
export function importsFor(text: string, table: ReadonlyMap<string, string>): string {
  const file = ts.createSourceFile('snippet.ts', text, ts.ScriptTarget.ES2023, true);
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.add(node.text);
    if (ts.isImportClause(node) && node.name !== undefined) declared.add(node.name.text);
    if (ts.isImportSpecifier(node)) declared.add(node.name.text);
    const isOfFile = node.parent === file || node.parent?.parent?.parent === file;
    const name = (node as { name?: ts.Node }).name;
    const declares = ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isVariableDeclaration(node);
    if (isOfFile && declares && name !== undefined && ts.isIdentifier(name)) declared.add(name.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  const needed = [...used].filter((name) => !declared.has(name) && table.has(name));
  return needed.map((name) => `import { ${name} } from '${table.get(name)}'; `).join('');
}
