/**
 * What a tree of parsed JSON was like, to find out whether it has been changed in place: its objects and arrays, and what was
 * in each, one after the other. Taking one costs less than a copy, and looking again less than comparing with that.
 */
export class Snapshot {
  /** The objects and arrays of the tree. */
  readonly nodes: object[] = [];
  readonly #sizes: number[] = [];
  /** The keys and values of objects, the items of arrays, in the order of the nodes. */
  readonly #content: unknown[] = [];

  constructor(root: Readonly<Record<string, unknown>>) {
    this.#add(root);
  }

  /**
   * Whether everything is as it was, down to the order of keys and which object is where. If not, the tree may still say
   * the same. What JSON cannot say and is no value (a symbol as key, a name beside an array's items) is not looked for.
   */
  holds(): boolean {
    try {
      return this.#isAsItWas();
    } catch {
      // A getter that throws: there was none.
      return false;
    }
  }

  #isAsItWas(): boolean {
    const content = this.#content;
    let at = 0;
    for (let index = 0; index < this.nodes.length; index++) {
      const node = this.nodes[index] as object;
      const size = this.#sizes[index] as number;
      if (Array.isArray(node)) {
        if (node.length !== size) return false;
        for (let item = 0; item < size; item++) if (node[item] !== content[at++]) return false;
        continue;
      }
      let count = 0;
      for (const key in node) {
        if (key !== content[at++] || (node as Record<string, unknown>)[key] !== content[at++]) return false;
        count++;
      }
      if (count !== size) return false;
    }
    return true;
  }

  #add(node: object): void {
    this.nodes.push(node);
    if (Array.isArray(node)) {
      this.#sizes.push(node.length);
      for (const item of node) this.#content.push(item);
      for (const item of node) if (typeof item === 'object' && item !== null) this.#add(item as object);
      return;
    }
    let count = 0;
    for (const key in node) {
      this.#content.push(key, (node as Record<string, unknown>)[key]);
      count++;
    }
    this.#sizes.push(count);
    for (const key in node) {
      const value = (node as Record<string, unknown>)[key];
      if (typeof value === 'object' && value !== null) this.#add(value);
    }
  }
}

/** The objects and arrays of a tree; none where it is no tree, or cannot be looked at. */
export function nodesOf(tree: unknown): readonly object[] {
  if (typeof tree !== 'object' || tree === null) return [];
  try {
    return new Snapshot(tree as Record<string, unknown>).nodes;
  } catch {
    return [];
  }
}
