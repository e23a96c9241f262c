import ts from 'typescript';

/** What a snippet is a part of. */
export type Form = 'file' | 'statements' | 'method' | 'members' | 'options' | 'elements';

interface Frame {
  readonly before: string;
  readonly after: string;
}

const CLASS = '@Controller() export class Snippet { protected readonly logger = new Logger(); ';
const OPTIONS = 'export const options: Parameters<typeof SessionModule.forRoot>[0] = ';

/** What has to stand around a snippet to make a file of it. All in one line, so that its lines stay what they are. */
function frameOf(form: Form, code: string): Frame {
  const service = /\bconstructor\(/.test(code)
    ? ''
    : 'constructor(@Inject(SessionService) readonly sessions: SessionService) {} ';
  const type = CLASS + service;
  switch (form) {
    case 'file':
    case 'statements':
      return { before: '', after: '' };
    case 'method':
      return { before: `${type} async run() { `, after: '} }' };
    case 'members':
      return { before: type, after: '}' };
    case 'options': {
      const ofModule = /^(imports|providers|controllers):/.test(code);
      return ofModule
        ? { before: 'export const part: ModuleMetadata = { ', after: '};' }
        : { before: `${OPTIONS}{ `, after: '};' };
    }
    case 'elements':
      return { before: "export const imports: NonNullable<ModuleMetadata['imports']> = [ ", after: '];' };
  }
}

/** A snippet as a file, but for its imports. */
export interface SnippetFile {
  readonly form: Form;
  /** Its lines are those of the snippet. */
  readonly text: string;
  /** Whether it exports `options` for `SessionModule.forRoot()`. */
  readonly options: boolean;
  /** Whether to load it does no more than to declare: classes, functions, types. */
  readonly declares: boolean;
}

export function fileOf(code: string): SnippetFile {
  const form = formOf(code);
  const { before, after } = frameOf(form, code);
  const isCall = form === 'statements' && isOneCallOf('SessionModule.forRoot', code);
  const text = isCall ? code.replace('SessionModule.forRoot', OPTIONS) : before + code + after;
  return {
    form,
    text,
    options: isCall || before.startsWith(OPTIONS),
    declares: form === 'members' || onlyDeclares(code),
  };
}

function onlyDeclares(code: string): boolean {
  const declarations = [
    ts.isClassDeclaration,
    ts.isFunctionDeclaration,
    ts.isInterfaceDeclaration,
    ts.isModuleDeclaration,
    ts.isImportDeclaration,
  ];
  const { file, errors } = parse(code);
  return errors === 0 && file.statements.every((one) => declarations.some((is) => is(one)));
}

function isOneCallOf(name: string, code: string): boolean {
  const [statement, ...others] = parse(code).file.statements;
  if (statement === undefined || others.length > 0 || !ts.isExpressionStatement(statement)) return false;
  return ts.isCallExpression(statement.expression) && statement.expression.expression.getText() === name;
}

/** The first form in which it can be parsed. */
function formOf(code: string): Form {
  const statements = parse(code);
  if (statements.errors === 0 && !statements.file.statements.some(ts.isLabeledStatement)) {
    if (statements.file.statements.some((one) => ts.isImportDeclaration(one))) return 'file';
    return usesThis(statements.file) ? 'method' : 'statements';
  }
  const forms = /^\w+: /.test(code) ? (['options'] as const) : (['members', 'elements'] as const);
  const form = forms.find((one) => {
    const { before, after } = frameOf(one, code);
    return parse(before + code + after).errors === 0;
  });
  if (form === undefined) throw new Error(`This is no TypeScript, nor a part of it:\n${code}`);
  return form;
}

function parse(text: string): { file: ts.SourceFile; errors: number } {
  const file = ts.createSourceFile('snippet.ts', text, ts.ScriptTarget.ES2023, true);
  const { parseDiagnostics } = file as ts.SourceFile & { parseDiagnostics: readonly unknown[] };
  return { file, errors: parseDiagnostics.length };
}

/** Whether it is about the members of an object whose class is not shown. */
function usesThis(node: ts.Node): boolean {
  if (ts.isClassLike(node) || ts.isFunctionDeclaration(node)) return false;
  return (
    node.kind === ts.SyntaxKind.ThisKeyword || ts.forEachChild(node, (child) => usesThis(child) || undefined) === true
  );
}
