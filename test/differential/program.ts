/** How a handler goes on after an operation that takes a callback. */
export type How =
  /** In the callback. */
  | 'callback'
  /** When a promise that the callback settles is settled. */
  | 'promise'
  /** At once. The callback only notes that it was called. */
  | 'apart'
  /** At once, and there is no callback. */
  | 'bare';

/** An operation that takes a callback. */
export type Operation =
  | { readonly op: 'save' | 'reload' | 'regenerate' | 'destroy' }
  | { readonly op: 'logIn'; readonly user: string; readonly keeps: boolean }
  | { readonly op: 'logOut'; readonly keeps: boolean };

export type Pause = 'tick' | 'microtask' | 'immediate' | 'timeout';

/** JSON, or one of {@link MADE} by its name. */
export type Value = unknown;

/** One thing that a handler does with its session. */
export type Step =
  | { readonly do: 'set'; readonly key: string; readonly value: Value }
  | { readonly do: 'assign'; readonly values: Readonly<Record<string, Value>> }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'nested'; readonly key: string; readonly change: Change; readonly value: number }
  /** Changes the object that was set last, by the handler's own reference to it. */
  | { readonly do: 'alias'; readonly value: number }
  | { readonly do: 'read' | 'keys' | 'user' | 'id' | 'touch' | 'prototype' | 'cookie' }
  | { readonly do: 'has'; readonly key: string }
  | { readonly do: 'flash'; readonly type: string; readonly message: string }
  | { readonly do: 'flashes'; readonly type: string | null }
  | { readonly do: 'call'; readonly call: Operation; readonly how: How }
  | { readonly do: 'pause'; readonly by: Pause }
  /** Keeps a reference to what `request.session` is now. */
  | { readonly do: 'remember' }
  | { readonly do: 'remembered'; readonly change: number | null }
  | { readonly do: 'maxAge'; readonly minutes: number }
  /** `request.session = null` */
  | { readonly do: 'unset' }
  /** Waits until the other requests of its group have got as far as they should. */
  | { readonly do: 'hold' };

export type Change = 'push' | 'property' | 'deep' | 'drop';

/** How a handler ends. */
export type Answer =
  | { readonly by: 'json' | 'send' | 'write' | 'writeHead' | 'end'; readonly status: number }
  /** `write()` and `end()`, with a pause between. */
  | { readonly by: 'pieces'; readonly status: number; readonly pause: Pause }
  | { readonly by: 'redirect'; readonly status: number }
  /** Sends a second answer after the first. */
  | { readonly by: 'twice'; readonly status: number }
  /** The handler returns a value, and has nothing to do with the response. */
  | { readonly by: 'return' }
  /** It returns a value, and sets the status. */
  | { readonly by: 'passthrough'; readonly status: number }
  /** With an error that has the status; 500 is that of any error. */
  | { readonly by: 'throw'; readonly status: number }
  /** Leaves it to the next handler of the route. */
  | { readonly by: 'next' };

/** One request. */
export interface Visit {
  /** What a middleware does before the handler. */
  readonly before: readonly Step[];
  readonly steps: readonly Step[];
  /** What a handler returns that answers by itself: the promise of its end, or nothing, at once. */
  readonly returns: 'promise' | 'nothing';
  readonly answer: Answer;
  /** Whether it goes on with a session that is stored: it changes it after its first byte, and saves once it has answered. */
  readonly isLate: boolean;
}

/** Requests under way at the same time: each but the last is held, at its step `hold`, until those after it are answered. */
export interface Group {
  readonly visits: readonly Visit[];
  /** Whether those that are held go on one after the other, the last first. */
  readonly isReleasedInTurn: boolean;
}

/** What one visitor does. */
export type Sequence = readonly Group[];

class Instance {
  readonly shown = 'yes';
  get hidden(): string {
    return 'by the class';
  }
}

/** Values that JSON has no word for. */
const MADE = {
  '@date': () => new Date(Date.UTC(2026, 10, 28)),
  '@undefined': () => undefined,
  '@NaN': () => Number.NaN,
  '@instance': () => new Instance(),
  '@function': () => () => {},
  '@withDate': () => ({ at: new Date(Date.UTC(2026, 0, 1)), none: undefined }),
  '@sparse': () => [1, undefined, Number.NaN],
} as const;

export const MADE_NAMES = Object.keys(MADE) as (keyof typeof MADE)[];

/** The value itself, another one at every call. */
export function made(value: Value): unknown {
  if (typeof value === 'string' && Object.hasOwn(MADE, value)) return MADE[value as keyof typeof MADE]();
  return structuredClone(value);
}

const text = (value: unknown): string => JSON.stringify(value);

/** A step in words, or nearly. */
export function describeStep(step: Step): string {
  switch (step.do) {
    case 'set':
      return `${step.key} = ${text(step.value)}`;
    case 'assign':
      return `assign ${text(step.values)}`;
    case 'delete':
      return `delete ${step.key}`;
    case 'nested':
      return `${step.change} ${step.value} in ${step.key}`;
    case 'alias':
      return `alias ${step.value}`;
    case 'has':
      return `has ${step.key}`;
    case 'flash':
      return `flash(${step.type}, ${step.message})`;
    case 'flashes':
      return `flash(${step.type ?? ''})`;
    case 'call':
      return `${describeOperation(step.call)} by ${step.how}`;
    case 'pause':
      return `pause (${step.by})`;
    case 'maxAge':
      return `maxAge = ${step.minutes} minutes`;
    case 'remembered':
      return step.change === null ? 'read remembered' : `remembered.x = ${step.change}`;
    default:
      return step.do;
  }
}

export function describeOperation(call: Operation): string {
  const keeps = 'keeps' in call && call.keeps ? ', keepSessionInfo' : '';
  return call.op === 'logIn' ? `logIn(${call.user}${keeps})` : `${call.op}(${keeps.slice(2)})`;
}

export function describeVisit({ before, steps, returns, answer, isLate }: Visit): string {
  const { by, ...rest } = answer;
  const end = [by, ...Object.values(rest).map(String)].join(' ');
  const isByItself = !['return', 'passthrough', 'throw'].includes(by);
  return [
    ...before.map((step) => `(middleware) ${describeStep(step)}`),
    ...steps.map(describeStep),
    `${end}${isByItself ? `, handler returns ${returns === 'promise' ? 'a promise' : 'at once'}` : ''}${isLate ? ', and goes on' : ''}`,
  ].join('; ');
}
