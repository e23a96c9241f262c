import { HttpException } from '@nestjs/common';
import type { Session } from 'nestjs-mikro-session';

/** One thing that a handler does with its session. What it writes twice, it writes under two keys, which must never differ. */
export type Step =
  | { readonly kind: 'set'; readonly to: number }
  | { readonly kind: 'unset' }
  | { readonly kind: 'increment'; readonly by: number }
  | { readonly kind: 'push'; readonly item: number }
  | { readonly kind: 'clear' }
  | { readonly kind: 'save' }
  | { readonly kind: 'update' }
  | { readonly kind: 'login' }
  | { readonly kind: 'regenerate' }
  | { readonly kind: 'destroy' };

/** How a handler ends: with an answer, with an error below 500, which is stored, or with any other, which is not. */
export type Ending = 'answer' | 'refuse' | 'throw';

export interface Program {
  readonly steps: readonly Step[];
  readonly ending: Ending;
}

/** Whom `login` signs in. */
export const USER = 'ada';
export const REFUSED = 418;

/** How many steps that wait for the store have succeeded in a handler: the application is in this process. */
export interface Progress {
  acknowledged: number;
}

/** Of the handlers that run, by a name. */
export const progressOf = new Map<string, Progress>();

/** What a handler does. */
export async function run({ steps, ending }: Program, session: Session, progress: Progress): Promise<void> {
  for (const step of steps) {
    await perform(step, session);
    if (WAITING.has(step.kind)) progress.acknowledged += 1;
  }
  if (ending === 'refuse') throw new HttpException('refused', REFUSED);
  if (ending === 'throw') throw new Error('failed');
}

const WAITING: ReadonlySet<Step['kind']> = new Set(['save', 'update', 'login', 'regenerate', 'destroy']);

async function perform(step: Step, session: Session): Promise<void> {
  switch (step.kind) {
    case 'set':
      session.set('one', step.to);
      session.set('other', step.to);
      return;
    case 'unset':
      session.delete('one');
      session.delete('other');
      return;
    case 'increment':
      session.increment('count', step.by);
      session.increment('sum', step.by);
      return;
    case 'push':
      session.push('list', step.item);
      session.push('copy', step.item);
      return;
    case 'clear':
      session.clear();
      return;
    case 'save':
      await session.save();
      return;
    case 'update':
      await session.update((data) => {
        data['one'] = data['other'] = ((data['one'] as number | undefined) ?? 0) + 1;
      });
      return;
    case 'login':
      await session.login(USER, { roles: ['reader'] });
      return;
    case 'regenerate':
      await session.regenerate();
      return;
    case 'destroy':
      await session.destroy();
  }
}
