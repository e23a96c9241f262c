import { readFileSync } from 'node:fs';
import ts from 'typescript';

/**
 * The titles of the tests in a file of them, as they stand in its source: with `%s` where the title of a table's row comes in.
 * A test that does not run, by `skip` or `todo`, is none.
 */
export function titlesIn(file: string): Set<string> {
  return titlesOf(readFileSync(file, 'utf8'));
}

export function titlesOf(source: string): Set<string> {
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const words = wordsOf(node.expression);
      if (['it', 'test', 'describe'].includes(words[0] ?? '')) {
        if (words.includes('skip') || words.includes('todo')) return;
        const title = words[0] === 'describe' ? undefined : textOf(node.arguments[0]);
        if (title !== undefined) titles.add(title);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('a.spec.ts', source, ts.ScriptTarget.Latest, true));
  return titles;
}

/** Of `it.each<T>([…])`: `it` and `each`. */
function wordsOf(node: ts.Expression): string[] {
  if (ts.isIdentifier(node)) return [node.text];
  if (ts.isPropertyAccessExpression(node)) return [...wordsOf(node.expression), node.name.text];
  if (ts.isCallExpression(node) || ts.isExpressionWithTypeArguments(node)) return wordsOf(node.expression);
  return ts.isTaggedTemplateExpression(node) ? wordsOf(node.tag) : [];
}

function textOf(node: ts.Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  return ts.isTemplateExpression(node) ? node.getText().slice(1, -1) : undefined;
}
