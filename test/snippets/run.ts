import { pathToFileURL } from 'node:url';
import type { Type } from '@nestjs/common';
import type { CompiledSnippet } from './compile.js';

/** What a snippet exports: its classes; `Snippet`, if it is a part of one; `options`, if it configures `SessionModule`. */
export type SnippetExports = Record<string, any>;

/** The snippets of one page, to be run. */
export class Page {
  readonly #snippets: readonly CompiledSnippet[];

  constructor(
    private readonly name: string,
    all: readonly CompiledSnippet[],
  ) {
    this.#snippets = all.filter(({ page }) => page === name);
  }

  /** The one snippet in which this stands. */
  async with(text: string): Promise<SnippetExports> {
    const found = this.#snippets.filter(({ code }) => code.includes(text));
    if (found.length !== 1) throw new Error(`${found.length} snippets of ${this.name} have "${text}" in them.`);
    return run(found[0] as CompiledSnippet);
  }

  /** The controllers and injectable classes that the page shows, whole or in part. */
  async classes(): Promise<{ controllers: Type[]; providers: Type[] }> {
    const loaded: SnippetExports[] = [];
    for (const snippet of this.#snippets) if (snippet.declares) loaded.push(await run(snippet));
    const all = loaded.flatMap((one) => Object.values(one)).filter((one): one is Type => typeof one === 'function');
    return {
      controllers: all.filter((one) => Reflect.hasMetadata('path', one)),
      providers: all.filter((one) => Reflect.hasMetadata('__injectable__', one)),
    };
  }
}

export async function run({ file }: CompiledSnippet): Promise<SnippetExports> {
  return (await import(pathToFileURL(file).href)) as SnippetExports;
}
