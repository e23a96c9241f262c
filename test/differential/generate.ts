import { Random } from '../history/random.js';
import { met } from './by-design.js';
import { isEnding, isForOneAlone, isLook, isLooseSave, showsLooseSave } from './defined.js';
import {
  type Answer,
  type Group,
  type How,
  MADE_NAMES,
  type Operation,
  type Pause,
  type Sequence,
  type Step,
  type Value,
  type Visit,
} from './program.js';

/** Those of members of this library's own session too, which `request.session` does not have. */
const KEYS = ['a', 'b', 'cart', 'login', 'data', 'userId', 'auth', 'isNew', 'update', 'get'] as const;
const PAUSES: readonly Pause[] = ['tick', 'microtask', 'immediate', 'timeout'];
const STATUSES = { '200': 10, '201': 2, '204': 1, '400': 1, '401': 1, '404': 1, '500': 1, '503': 1 } as const;
const NAMES: readonly Operation['op'][] = ['save', 'reload', 'regenerate', 'destroy', 'logIn', 'logOut'];

const SET_A: Step = { do: 'set', key: 'a', value: 1 };

/** What a visitor does, the same for the same seed. */
export class Generator {
  readonly #random: Random;
  readonly #platform: 'express' | 'fastify';
  readonly #leavesOut: (step: Step) => boolean;

  constructor(seed: number, number: number, platform: 'express' | 'fastify', leavesOut: (step: Step) => boolean) {
    this.#random = Random.of(seed, number);
    this.#platform = platform;
    this.#leavesOut = leavesOut;
  }

  sequence(): Sequence {
    const random = this.#random;
    const groups = Array.from({ length: random.integer(1, 5) }, () => this.#group());
    const first = random.weighted({ none: 94, emptied: 3, back: 3 });
    if (first === 'none') return groups;
    return [...(first === 'emptied' ? this.#emptied() : this.#back()), ...groups];
  }

  /** A session that is saved and emptied in its first request: rare, if left to chance. */
  #emptied(): Group[] {
    return [this.#alone(SET_A, { do: 'call', call: { op: 'save' }, how: 'promise' }, { do: 'delete', key: 'a' })];
  }

  /** One that takes back what another has written meanwhile. */
  #back(): Group[] {
    const reload: Step = { do: 'call', call: { op: 'reload' }, how: 'promise' };
    const second = this.#visit([{ do: 'hold' }, reload, { do: 'delete', key: 'b' }], false);
    const first = this.#visit([{ do: 'set', key: 'b', value: 1 }], false);
    return [this.#alone(SET_A), { visits: [second, first], isReleasedInTurn: true }];
  }

  #alone(...steps: Step[]): Group {
    return { visits: [this.#visit(steps, false)], isReleasedInTurn: true };
  }

  #group(): Group {
    const random = this.#random;
    if (random.chance(0.85)) return { visits: [this.#visit(this.#steps(), true)], isReleasedInTurn: true };
    const count = random.integer(2, 3);
    const programs = Array.from({ length: count }, () =>
      this.#steps().filter((step) => isLook(step) || (random.chance(0.5) && !isForOneAlone(step))),
    );
    const writer = random.integer(0, count - 1);
    const second = writer === count - 1 && random.chance(0.3) ? random.integer(0, count - 2) : null;
    const held = programs.map((steps, index): Step[] => {
      const { [writer]: written = [] } = programs;
      if (index === writer) return steps;
      if (index === second && !written.some(isEnding)) {
        // It takes over what the other one has written, and so overwrites nothing.
        const reload: Step = { do: 'call', call: { op: 'reload' }, how: 'promise' };
        return [{ do: 'hold' }, ...[reload, ...steps].filter((step) => !isEnding(step) && !this.#leavesOut(step))];
      }
      if (!steps.every(isLook))
        met(steps.some(isEnding) || written.some(isEnding) ? 'endedMeanwhile' : 'parallelWriters');
      return steps.filter(isLook);
    });
    const visits = held.map((steps, index) => {
      if (index === count - 1 || steps.some((step) => step.do === 'hold')) return this.#visit(steps, index === writer);
      return this.#visit(steps.toSpliced(random.integer(0, steps.length), 0, { do: 'hold' }), index === writer);
    });
    return { visits, isReleasedInTurn: second !== null || writer < count - 1 || random.chance(0.5) };
  }

  #visit(steps: readonly Step[], writes: boolean): Visit {
    const random = this.#random;
    const split = random.chance(0.15) ? random.integer(0, steps.length) : 0;
    const visit: Visit = {
      before: steps.slice(0, split),
      steps: steps.slice(split),
      returns: random.chance(0.6) ? 'nothing' : 'promise',
      answer: this.#answer(),
      isLate: writes && random.chance(0.15),
    };
    if (!showsLooseSave(visit)) return visit;
    met('duringSave');
    const wait = (step: Step): Step =>
      isLooseSave(step) ? { ...(step as Step & { do: 'call' }), how: 'callback' } : step;
    return { ...visit, before: visit.before.map(wait), steps: visit.steps.map(wait) };
  }

  #steps(): Step[] {
    return Array.from({ length: this.#random.integer(0, 7) }, () => this.#step()).filter(
      (step) => !this.#leavesOut(step),
    );
  }

  #look(): Step {
    const random = this.#random;
    const kind = random.weighted({ see: 8, pause: 3, reload: 1 });
    if (kind === 'pause') return { do: 'pause', by: random.pick(PAUSES) };
    if (kind === 'reload') {
      return { do: 'call', call: { op: 'reload' }, how: random.chance(0.5) ? 'callback' : 'promise' };
    }
    const seen = random.weighted({ read: 6, keys: 1, has: 1, user: 2, id: 2, touch: 1, prototype: 1, cookie: 2 });
    return seen === 'has' ? { do: seen, key: random.pick(KEYS) } : { do: seen };
  }

  #step(): Step {
    const random = this.#random;
    const kind = random.weighted({
      look: 8,
      set: 6,
      assign: 1,
      delete: 2,
      nested: 4,
      alias: 1,
      call: 10,
      flash: 2,
      flashes: 2,
      remember: 1,
      remembered: 1,
      maxAge: 2,
      unset: 0.2,
    });
    switch (kind) {
      case 'look':
        return this.#look();
      case 'set':
        return { do: 'set', key: random.pick(KEYS), value: this.#value() };
      case 'assign':
        return { do: 'assign', values: { a: random.integer(0, 9), [random.pick(KEYS)]: random.integer(0, 9) } };
      case 'delete':
        return { do: 'delete', key: random.pick(KEYS) };
      case 'nested': {
        const change = random.pick(['push', 'property', 'deep', 'drop'] as const);
        return { do: 'nested', key: random.pick(KEYS), change, value: random.integer(0, 99) };
      }
      case 'alias':
        return { do: 'alias', value: random.integer(0, 99) };
      case 'flash':
        return {
          do: 'flash',
          type: random.pick(['info', 'error']),
          message: random.pick(['Saved.', 'Gone.']),
        };
      case 'flashes':
        return { do: 'flashes', type: random.pick(['info', 'error', null]) };
      case 'maxAge':
        // From twelve hours on, the absolute end moves, and with it the cookie's.
        return { do: 'maxAge', minutes: random.chance(0.6) ? random.integer(5, 60) : random.integer(13, 720) * 60 };
      case 'remembered':
        return { do: 'remembered', change: random.chance(0.5) ? random.integer(0, 99) : null };
      case 'call': {
        const call = this.#operation();
        return { do: 'call', call, how: this.#how(call) };
      }
      default:
        return { do: kind };
    }
  }

  #operation(): Operation {
    const random = this.#random;
    const op = random.pick(NAMES);
    if (op === 'logIn') return { op, user: random.pick(['ada', 'bob']), keeps: random.chance(0.3) };
    if (op === 'logOut') return { op, keeps: random.chance(0.3) };
    return { op };
  }

  #how({ op }: Operation): How {
    const how = this.#random.weighted({ callback: 10, promise: 7, apart: 3, bare: 1 });
    if (how === 'callback' || how === 'promise' || op === 'save' || op === 'destroy') return how;
    if (how === 'apart') met(op === 'reload' ? 'duringReload' : 'duringRegenerate');
    return 'callback';
  }

  #value(): Value {
    const random = this.#random;
    const number = random.integer(0, 99);
    switch (random.weighted({ number: 4, box: 3, text: 2, list: 1, yes: 1, null: 1, made: 2 })) {
      case 'number':
        return number;
      case 'box':
        return { list: [number], deep: { value: number }, a: 1 };
      case 'text':
        return `text ${number}`;
      case 'list':
        return [number, { number }];
      case 'yes':
        return true;
      case 'null':
        return null;
      case 'made':
        return random.pick(MADE_NAMES);
    }
  }

  #answer(): Answer {
    const random = this.#random;
    const status = Number(random.weighted(STATUSES));
    const by = random.weighted({
      json: 8,
      send: 2,
      redirect: 6,
      write: 2,
      pieces: 2,
      writeHead: 2,
      end: 1,
      twice: 1,
      return: 6,
      passthrough: 2,
      throw: 1,
      next: this.#platform === 'fastify' ? 0 : 1,
    });
    switch (by) {
      case 'return':
      case 'next':
        return { by };
      case 'pieces':
        return { by, status, pause: random.pick(PAUSES) };
      case 'redirect':
        return { by, status: random.pick([301, 302, 303, 307]) };
      case 'throw':
        return { by, status: random.pick([400, 401, 403, 500, 503]) };
      default:
        return { by, status };
    }
  }
}
