import { describe, expect, it } from '@jest/globals';
import { check } from './checker.js';
import {
  clear,
  flash,
  flashes,
  increment,
  login,
  logout,
  OTHER,
  push,
  read,
  regenerate,
  SESSION,
  set,
  HistoryBuilder,
  unset,
  update,
  value,
} from './history-builder.js';

const first = { r4: value(1) };
const toSession = (user: string, from: number) => ({ id: SESSION, user, from });

function expectKept(story: HistoryBuilder): void {
  expect(check(story.history).map(({ message }) => message)).toEqual([]);
}

function expectBroken(story: HistoryBuilder, rule: string): void {
  expect(check(story.history).map((violation) => violation.rule)).toContain(rule);
}

describe('what the history checker says of registers', () => {
  it('accepts either of two writes that overlapped, and the later of two that did not', () => {
    const race = (): HistoryBuilder => HistoryBuilder.begun().concurrently({ steps: [set(2)] }, { steps: [set(3)] });
    expectKept(race().row({ ...first, r0: value(2) }));
    expectKept(race().row({ ...first, r0: value(3) }));
    expectBroken(race().row(first), 'lost change');
    const series = (): HistoryBuilder =>
      HistoryBuilder.begun()
        .visit({ steps: [set(2)] })
        .visit({ steps: [set(3)] });
    expectKept(series().row({ ...first, r0: value(3) }));
    expectBroken(series().row({ ...first, r0: value(2) }), 'lost change');
  });

  it('wants an absence explained by a removal that had something to remove', () => {
    const story = (did: boolean): HistoryBuilder => HistoryBuilder.begun(set(2)).visit({ steps: [unset('r0', did)] });
    expectKept(story(true).row(first));
    expectBroken(story(false).row(first), 'lost change');
    expectBroken(story(true).row({ ...first, r0: value(2) }), 'lost change');
    expectKept(
      HistoryBuilder.begun(set(2))
        .visit({ steps: [clear('r0', 'r4')] })
        .row({}),
    );
    expectBroken(
      HistoryBuilder.begun(set(2))
        .visit({ steps: [clear('r4')] })
        .row({}),
      'lost change',
    );
  });

  it('wants a read to see what was acknowledged before it began, and no step back from what was seen', () => {
    expectBroken(HistoryBuilder.begun(set(2)).visit({ steps: [read(first)] }), 'lost change');
    const racing = HistoryBuilder.begun().concurrently({ steps: [set(2)] }, { steps: [read(first)] });
    expectKept(racing.row({ ...first, r0: value(2) }));
    const back = HistoryBuilder.begun(set(2)).concurrently(
      { steps: [set(3)] },
      { steps: [read({ ...first, r0: value(3) })] },
    );
    expectBroken(back.visit({ steps: [read({ ...first, r0: value(2) })] }), 'lost change');
  });

  it('wants nothing of a refused change', () => {
    const story = HistoryBuilder.begun().concurrently(
      { steps: [logout], after: { id: OTHER, user: null, from: 1 }, removes: true },
      { steps: [set(2)], status: 401 },
      { steps: [read({ ...first, r0: value(2) })] },
    );
    expectBroken(story, 'refused change');
  });
});

describe('what it says of counters, lists and messages', () => {
  it('adds up exactly', () => {
    const story = (): HistoryBuilder =>
      HistoryBuilder.begun().concurrently({ steps: [increment(2, 3)] }, { steps: [update(3, 4, 1)] });
    expectKept(story().row({ ...first, count: 7, ticket: 1 }));
    expectBroken(story().row({ ...first, count: 4, ticket: 1 }), 'counter');
    expectBroken(story().row({ ...first, count: 8, ticket: 1 }), 'counter');
  });

  it('wants no two updates to have seen the same, and those in a row in order', () => {
    const story = (one: number, two: number): HistoryBuilder =>
      HistoryBuilder.begun()
        .visit({ steps: [update(2, 1, one)] })
        .visit({ steps: [update(3, 1, two)] });
    const row = { ...first, count: 2, ticket: 2 };
    expectKept(story(1, 2).row(row));
    expectBroken(story(1, 1).row(row), 'counter');
    expectBroken(story(2, 1).row(row), 'counter');
  });

  it('wants every push once, in order unless they overlapped', () => {
    const row = (...writes: number[]) => ({ ...first, list: writes.map((write) => value(write)) });
    const race = (): HistoryBuilder =>
      HistoryBuilder.begun().concurrently({ steps: [push(2, 3)] }, { steps: [push(4)] });
    expectKept(race().row(row(2, 3, 4)));
    expectKept(race().row(row(4, 2, 3)));
    expectBroken(race().row(row(3, 2, 4)), 'list');
    expectBroken(race().row(row(2, 3)), 'list');
    expectBroken(race().row(row(2, 3, 4, 4)), 'list');
    const series = (): HistoryBuilder =>
      HistoryBuilder.begun()
        .visit({ steps: [push(2)] })
        .visit({ steps: [push(3)] });
    expectBroken(series().row(row(3, 2)), 'list');
  });

  it('lets a clear that overlapped a push leave it or not, and one that came after must not', () => {
    const race = (): HistoryBuilder =>
      HistoryBuilder.begun(push(2)).concurrently({ steps: [clear('list', 'r4')] }, { steps: [push(3)] });
    expectKept(race().row({ list: [value(3)] }));
    expectKept(race().row({}));
    expectBroken(race().row({ list: [value(2), value(3)] }), 'list');
  });

  it('wants a message shown once or waiting, to readers one after the other never twice', () => {
    const waiting = { '$flash:1': { category: 'info', message: value(2) } };
    const shown = flashes(value(2));
    expectKept(HistoryBuilder.begun(flash(2)).row({ ...first, ...waiting }));
    expectKept(
      HistoryBuilder.begun(flash(2))
        .visit({ steps: [shown] })
        .row(first),
    );
    expectKept(
      HistoryBuilder.begun(flash(2))
        .concurrently({ steps: [shown] }, { steps: [shown] })
        .row(first),
    );
    expectBroken(HistoryBuilder.begun(flash(2)).row(first), 'flash');
    expectBroken(
      HistoryBuilder.begun(flash(2))
        .visit({ steps: [flashes()] })
        .row({ ...first, ...waiting }),
      'flash',
    );
    expectBroken(
      HistoryBuilder.begun(flash(2))
        .visit({ steps: [shown] })
        .row({ ...first, ...waiting }),
      'flash',
    );
    expectBroken(
      HistoryBuilder.begun(flash(2))
        .visit({ steps: [shown] })
        .visit({ steps: [shown] })
        .row(first),
      'flash',
    );
  });
});

describe('what it says of logins', () => {
  const asAnn = { user: 'ann', cookie: 1 };
  const loggedIn = (...steps: Parameters<typeof HistoryBuilder.begun>): HistoryBuilder =>
    HistoryBuilder.begun(...steps).visit({ steps: [login('ann')], after: toSession('ann', 1), issues: SESSION });

  it('keeps what an anonymous visitor had, and drops what another user had', () => {
    const row = { user: 'ann', generation: 1, cookie: 1 };
    expectKept(loggedIn(set(2)).row({ ...first, r0: value(2) }, row));
    expectBroken(loggedIn(set(2)).row(first, row), 'lost change');
    const bob = (): HistoryBuilder =>
      loggedIn()
        .visit({ ...asAnn, steps: [set(2)] })
        .visit({ ...asAnn, steps: [login('bob')], after: toSession('bob', 1), issues: SESSION });
    expectKept(bob().row({}, { user: 'bob', generation: 2, cookie: 2 }));
    expectBroken(bob().row({ r0: value(2, 'ann') }, { user: 'bob', generation: 2, cookie: 2 }), 'foreign data');
  });

  it('wants the old cookie refused after a login, and the writes of requests loaded before it', () => {
    expectBroken(loggedIn().visit({ cookie: 0, steps: [set(2)] }), 'credential');
    const race = HistoryBuilder.begun().concurrently(
      { steps: [login('ann')], after: toSession('ann', 1), issues: SESSION },
      { steps: [set(2)], status: 401 },
    );
    expectKept(race.row(first, { user: 'ann', generation: 1, cookie: 1 }));
  });

  it('gives one of two logins a session of its own, with a copy of the data', () => {
    const race = (base: object): HistoryBuilder =>
      HistoryBuilder.begun(set(2), increment(3, 5)).concurrently(
        { steps: [login('ann')], after: toSession('ann', 1), issues: SESSION },
        { steps: [login('ann')], after: { id: OTHER, user: 'ann', from: 1 }, base: { ...base }, issues: OTHER },
      );
    const data = { ...first, r0: value(2), count: 5 };
    const row = { user: 'ann', generation: 1, cookie: 1 };
    const other = { id: OTHER, user: 'ann', generation: 0, cookie: 2 };
    expectKept(race(data).row(data, row).row(data, other));
    expectBroken(race(data).row(data, row).row(first, other), 'counter');
    expectBroken(race(first).row(data, row).row(first, other), 'lost change');
  });
});

describe('what it says of the end of a session, and of its secret', () => {
  const gone = { id: OTHER, user: null, from: 1 };
  const ended = (): HistoryBuilder => HistoryBuilder.begun().visit({ steps: [logout], after: gone, removes: true });

  it('wants the dead to stay dead', () => {
    expectKept(ended().visit({ isNew: true, session: OTHER }));
    expectBroken(ended().visit({}), 'dead session');
    expectBroken(ended().row(first), 'dead session');
    expectBroken(HistoryBuilder.begun().revoke(SESSION).row(first), 'dead session');
    expectBroken(HistoryBuilder.begun(), 'lost change');
    expectBroken(HistoryBuilder.begun().revoke(SESSION, false).row(first), 'lost change');
  });

  it('wants a refusal to have a cause', () => {
    expectBroken(
      HistoryBuilder.begun()
        .visit({ steps: [set(2)], status: 401 })
        .row(first),
      'answer',
    );
  });

  it('wants what follows a logout to begin a session, or to be refused', () => {
    const silent = HistoryBuilder.begun().concurrently(
      { steps: [logout], after: gone, removes: true },
      { steps: [logout, set(2)], after: { ...gone, id: OTHER.replace('b', 'c') } },
    );
    expectBroken(silent, 'lost change');
  });

  it('wants one of several new secrets to be the one, and the last two to be good', () => {
    const rotated = (): HistoryBuilder =>
      HistoryBuilder.begun().concurrently({ steps: [regenerate], issues: SESSION }, { steps: [regenerate] });
    expectKept(rotated().visit({ cookie: 0 }).visit({ cookie: 1 }).row(first, { cookie: 1 }));
    expectBroken(rotated().row(first, { cookie: 0 }), 'credential');
    expectBroken(rotated().visit({ cookie: 0, isNew: true, session: OTHER }).row(first, { cookie: 1 }), 'lost change');
    const both = HistoryBuilder.begun().concurrently(
      { steps: [regenerate], issues: SESSION },
      { steps: [regenerate], issues: SESSION },
    );
    expectBroken(both.row(first, { cookie: 1 }), 'credential');
    const twice = rotated().visit({ cookie: 1, steps: [regenerate], issues: SESSION });
    expectBroken(twice.visit({ cookie: 0 }).row(first, { cookie: 2 }), 'credential');
  });

  it('expects no secret of a session whose birth was not answered, and one of any other', () => {
    const born = (status: number): HistoryBuilder =>
      new HistoryBuilder().visit({ cookie: null, isNew: true, steps: [set(1, 'r4')], status }).row(first);
    expectKept(born(503));
    expectBroken(born(200), 'credential');
  });

  it('wants nothing of another session', () => {
    const other = HistoryBuilder.begun().visit({
      cookie: null,
      isNew: true,
      session: OTHER,
      steps: [set(2)],
      issues: OTHER,
    });
    const row = { id: OTHER, cookie: 1 };
    expectKept(other.row(first).row({ r0: value(2, null, OTHER) }, row));
    expectBroken(HistoryBuilder.begun().row({ ...first, r1: value(99) }), 'foreign data');
    expectBroken(HistoryBuilder.begun(set(2)).row({ ...first, r0: value(2, null, OTHER) }), 'foreign data');
  });
});

describe('what the history checker says of processes that keep copies', () => {
  const seen = { ...first, r0: value(2) };
  /** A session that both processes have heard of, and that process 0 then changes. */
  const changed = (): HistoryBuilder =>
    HistoryBuilder.begun(set(2))
      .barrier()
      .visit({ steps: [set(3), increment(4, 5), flash(6)] });
  const row = { ...first, r0: value(3), count: 5, '$flash.1': { message: value(6) } };

  it('lets the other process miss a change until it has heard, and no longer', () => {
    const missed = { process: 1, steps: [read(seen), flashes()] };
    expectKept(changed().visit(missed).row(row));
    const heard = changed().barrier().visit(missed).row(row);
    for (const rule of ['lost change', 'counter', 'flash']) expectBroken(heard, rule);
    const own = changed()
      .visit({ ...missed, process: 0 })
      .row(row);
    for (const rule of ['lost change', 'counter', 'flash']) expectBroken(own, rule);
  });

  it('lets no process see less than it has seen', () => {
    const now = { ...first, r0: value(3), count: 5 };
    const story = changed()
      .visit({ process: 1, steps: [read(now)] })
      .visit({ process: 1, steps: [read(seen)] });
    expectBroken(story.row(row), 'lost change');
  });

  it('wants no change lost, whatever a process has missed', () => {
    const story = changed().visit({ process: 1, steps: [read(seen), set(7, 'r1')] });
    expectKept(story.row({ ...row, r1: value(7) }));
    const lost = changed().visit({ process: 1, steps: [read(seen), set(7, 'r1')] });
    expectBroken(lost.row({ ...first, r0: value(2), r1: value(7) }), 'lost change');
  });

  it('lets the other process recognise a session that has ended until it has heard, and refuse what it writes', () => {
    const ended = (): HistoryBuilder => HistoryBuilder.begun().barrier().revoke(SESSION);
    const late = { process: 1, steps: [read(first)] };
    expectKept(ended().visit(late));
    expectKept(ended().visit({ process: 1, steps: [set(2)], status: 401 }));
    expectBroken(ended().barrier().visit(late), 'dead session');
    expectBroken(ended().visit({ ...late, process: 0 }), 'dead session');
    expectBroken(
      ended()
        .visit({ process: 1, steps: [set(2)] })
        .row({ ...first, r0: value(2) }),
      'dead session',
    );
  });
});
