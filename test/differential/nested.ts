import type { Step } from './program.js';

interface Box {
  list: number[];
  deep: { value?: number };
  [key: string]: unknown;
}

/** Changes an object in the session, where it is. */
export function changeNested(session: Record<string, any>, { key, change: how, value }: Step & { do: 'nested' }): void {
  const found: unknown = session[key];
  if (typeof found !== 'object' || found === null || !('list' in found)) session[key] = { list: [], deep: {} };
  const box = session[key] as Box;
  if (how === 'push') box.list.push(value);
  else if (how === 'property') box[`p${value % 3}`] = value;
  else if (how === 'deep') box.deep.value = value;
  else delete box[`p${value % 3}`];
}
