import { type Program, type Step, USER } from './program.js';

/** What is stored of a session; `null` once it has ended. */
export type State = { readonly userId: string | null; readonly data: Record<string, unknown> } | null;

/** What a request makes of a session, step by step. */
export interface Course {
  /** What is stored once all of it is done. */
  readonly end: State;
  /** Whether the client has to be told another credential. */
  readonly changesCredential: boolean;
  /** What may be stored when the first steps that wait were acknowledged, and then one has failed. */
  from(acknowledged: number): State[];
}

/** What is stored of a session after a handler that does what a program says, and on the way there. */
export function courseOf(start: State, { steps, ending }: Program): Course {
  let stored = start;
  let live = { ...start?.data };
  const parts: State[][] = [];
  const changesCredential = steps.some(({ kind }) => kind === 'login' || kind === 'regenerate' || kind === 'destroy');
  const store = (...states: State[]): void => {
    parts.push([stored, ...states]);
    stored = states.at(-1) ?? null;
  };
  for (const step of steps) {
    live = written(step, live);
    const userId = stored?.userId ?? null;
    const now = { userId, data: live };
    if (step.kind === 'save') store(now);
    if (step.kind === 'regenerate') parts.push([stored]);
    if (step.kind === 'destroy') store(null);
    if (step.kind === 'login') store({ userId: USER, data: live });
    if (step.kind === 'update') {
      const next = ((live['one'] as number | undefined) ?? 0) + 1;
      live = { ...live, one: next, other: next };
      store(now, { userId, data: live });
    }
  }
  if (ending !== 'throw' && stored !== null) store({ userId: stored.userId, data: live });
  return { end: stored, changesCredential, from: (acknowledged) => parts[acknowledged] ?? [stored] };
}

function written(step: Step, data: Record<string, unknown>): Record<string, unknown> {
  const added = (key: string, by: number): number => ((data[key] as number | undefined) ?? 0) + by;
  const pushed = (key: string, item: number): number[] => [...((data[key] as number[] | undefined) ?? []), item];
  switch (step.kind) {
    case 'set':
      return { ...data, one: step.to, other: step.to };
    case 'unset': {
      const { one: _one, other: _other, ...rest } = data;
      return rest;
    }
    case 'increment':
      return { ...data, count: added('count', step.by), sum: added('sum', step.by) };
    case 'push':
      return { ...data, list: pushed('list', step.item), copy: pushed('copy', step.item) };
    case 'clear':
      return {};
    default:
      return data;
  }
}

/** A state as text that says the same for the same. */
export function stateText(state: State): string {
  if (state === null) return 'nothing';
  const members = Object.entries(state.data).sort(([one], [other]) => (one < other ? -1 : 1));
  return `${state.userId ?? 'nobody'} ${JSON.stringify(Object.fromEntries(members))}`;
}
