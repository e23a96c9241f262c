import { setTimeout } from 'node:timers/promises';
import type { Session } from 'nestjs-mikro-session';
import type { Document, Fate, Step, Trace } from './history.js';
import type { Operation } from './operations.js';
import { tagOf } from './tag.js';

interface Box {
  tag: string;
  deep: { trail: string[] };
}

/** Does the operations of a request, and notes how each went. An error leaves the trace as far as it came. */
export async function perform(session: Session, operations: readonly Operation[], trace: Trace): Promise<void> {
  for (const operation of operations) {
    if (operation.kind === 'update' && session.isModified) {
      // update() would store it too; but when it fails then, it is not known whether this much was stored.
      await session.save();
      settle(trace, 'committed');
    }
    const step: Step = { fate: 'pending' };
    trace.steps.push(step);
    await act(session, operation, step, trace);
  }
}

async function act(session: Session, operation: Operation, step: Step, trace: Trace): Promise<void> {
  const data = session.data as Document;
  switch (operation.kind) {
    case 'read':
      step.result = JSON.parse(JSON.stringify(session.toJSON())) as Document;
      return;
    case 'set':
      session.set(operation.key as never, tagOf(session, operation.write) as never);
      return;
    case 'unset':
      step.result = session.delete(operation.key as never);
      return;
    case 'mutate': {
      const box = (data[operation.key] ??= { tag: '', deep: { trail: [] } }) as Box;
      box.tag = tagOf(session, operation.write);
      box.deep.trail.push(box.tag);
      if (box.deep.trail.length > 3) box.deep.trail.shift();
      return;
    }
    case 'increment':
      session.increment('count' as never, operation.by);
      return;
    case 'push':
      session.push('list' as never, ...operation.writes.map((write) => tagOf(session, write)));
      return;
    case 'update':
      step.result = await session.update((locked: Document) => {
        locked['count'] = Number(locked['count'] ?? 0) + operation.by;
        return (locked['ticket'] = Number(locked['ticket'] ?? 0) + 1);
      });
      step.fate = 'committed';
      return;
    case 'flash':
      session.flash(operation.category, tagOf(session, operation.write));
      return;
    case 'flashes':
      step.result = session.flashes(operation.category ?? undefined).map(({ message }) => message);
      return;
    case 'clear':
      step.result = session.keys();
      session.clear();
      return;
    case 'save':
      await session.save();
      settle(trace, 'committed');
      return;
    case 'regenerate':
      await session.regenerate();
      return;
    case 'logout':
    case 'destroy':
      await session[operation.kind]();
      step.fate = 'committed';
      settle(trace, 'dropped');
      trace.after = { id: session.id, user: session.userId, from: trace.steps.length };
      return;
    case 'login':
      await login(session, operation.user, step, trace);
      return;
    case 'pause':
      await setTimeout(operation.milliseconds);
  }
}

async function login(session: Session, user: string, step: Step, trace: Trace): Promise<void> {
  const { id, userId } = session;
  await session.login(user);
  step.fate = 'committed';
  const isSame = session.id === id;
  const isForeign = userId !== null && (userId !== user || !isSame);
  if (isForeign) settle(trace, 'dropped');
  else if (!isSame) settle(trace, 'carried');
  else settle(trace, trace.isNew ? 'committed' : 'merged');
  if (!isSame && !isForeign) trace.base = JSON.parse(JSON.stringify(session.toJSON())) as Document;
  trace.after = { id: session.id, user: session.userId, from: trace.steps.length };
}

function settle(trace: Trace, fate: Fate): void {
  for (const step of trace.steps) if (step.fate === 'pending') step.fate = fate;
}
