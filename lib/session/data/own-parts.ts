import { nodesOf } from './snapshot.js';

/**
 * The objects and arrays of a document that it has made itself, by parsing, and may change in place. What an application has put there
 * may be a constant, or a record that it keeps in memory for all users: only what it calls for (`push()`, `set()` below it) changes that.
 */
export class OwnParts {
  #nodes: Iterable<object>;
  #known: Set<object> | null = null;

  constructor(nodes: Iterable<object>) {
    this.#nodes = nodes;
  }

  has(node: object): boolean {
    return this.#set.has(node);
  }

  /** Those of them that are in a tree. */
  among(tree: unknown): object[] {
    return nodesOf(tree).filter((node) => this.has(node));
  }

  add(nodes: readonly object[]): void {
    for (const node of nodes) this.#set.add(node);
  }

  delete(nodes: readonly object[]): void {
    for (const node of nodes) this.#set.delete(node);
  }

  /** Forgets all others. */
  keep(nodes: readonly object[]): void {
    this.#nodes = nodes.filter((node) => this.has(node));
    this.#known = null;
  }

  /** Made when it is first asked for: most requests do not. */
  get #set(): Set<object> {
    return (this.#known ??= new Set(this.#nodes));
  }
}
