import { met } from './by-design.js';
import { changeNested } from './nested.js';
import { asJson, type Note } from './notes.js';
import { cookieOf, dataOf, isFilled, keysOf, nameOf } from './observe.js';
import { operate } from './operate.js';
import { continueAfter } from './pauses.js';
import {
  type Answer,
  describeOperation,
  describeStep,
  made,
  type Operation,
  type Step,
  type Visit,
} from './program.js';
import type { Answering, DifferentialRequest } from './request.js';

/** Makes an error that the platform answers with this status. */
export type Failing = (status: number) => Error;

/** One request, played by a handler: the same code for both sides. */
export class Performance {
  readonly visit: Visit;
  /** What it saw, step by step. */
  readonly notes: Note[] = [];
  /** The operations whose callbacks were called, in that order. */
  readonly calledBack: string[] = [];
  /** Settles when the handler has reached its step `hold`. */
  readonly held = Promise.withResolvers<void>();
  readonly released = Promise.withResolvers<void>();
  /** Settles when the program has come to its end, and all callbacks were called. */
  readonly over = Promise.withResolvers<void>();

  #open = 1;
  #hasEnded = false;
  /** Whether the session is known to be stored; `null` before the first step. */
  #isStored: boolean | null = null;
  #wasHeld = false;
  /** Whether it does nothing any more but answer. */
  #isCut = false;
  #alias: Record<string, unknown> | null = null;
  #remembered: DifferentialRequest['session'] = null;

  constructor(visit: Visit) {
    this.visit = visit;
  }

  /** What the middleware does. */
  begin(request: DifferentialRequest, next: () => void): void {
    this.#run(this.visit.before, request, next);
  }

  /** What the handler does, and returns. */
  handle(request: DifferentialRequest, answering: Answering, failing: Failing): Promise<unknown> | undefined {
    const { steps, returns, answer } = this.visit;
    const ended = Promise.withResolvers<unknown>();
    this.#run(steps, request, () => {
      try {
        const late = this.#isLate(answer) ? (request.session ?? null) : null;
        ended.resolve(this.#answer(answer, answering, failing, late));
        if (late !== null) this.#goOn(late);
      } catch (error) {
        ended.reject(error as Error);
      } finally {
        this.#close();
      }
    });
    if (returns === 'promise' || ['return', 'passthrough', 'throw'].includes(answer.by)) return ended.promise;
    ended.promise.catch((error: unknown) => {
      // Fastify only logs it when an answer is given twice.
      if (answer.by !== 'twice' || nameOf(error) !== 'ERR_HTTP_HEADERS_SENT')
        this.#note('answer', { threw: nameOf(error) });
    });
    return undefined;
  }

  /** What the next handler of the route returns. */
  next(request: DifferentialRequest): unknown {
    this.#act({ do: 'read' }, request, () => {});
    return this.#body();
  }

  #run(steps: readonly Step[], request: DifferentialRequest, then: () => void): void {
    const [step, ...rest] = steps;
    if (step === undefined || this.#isCut) return then();
    this.#act(step, request, () => this.#run(rest, request, then));
  }

  /** Does a step, and goes on after it. */
  #act(step: Step, request: DifferentialRequest, then: () => void): void {
    if (step.do === 'pause') return continueAfter(step.by, then);
    if (step.do === 'hold') {
      this.held.resolve();
      this.#wasHeld = true;
      void this.released.promise.then(then);
      return;
    }
    const { session } = request;
    if (this.#hasEnded && session && Object.keys(session).length === 0) met('emptyAfterDestroy');
    const isNone = !session || (this.#hasEnded && Object.keys(session).length === 0);
    if (isNone && step.do !== 'user') {
      this.#note(describeStep(step), 'no session');
      return then();
    }
    this.#isStored ??= isFilled(session as object);
    if (step.do === 'call') {
      if (step.call.op !== 'reload' || this.#isStored) return this.#call(step, request, then);
      met('reloadOfNothing');
      // What it then wrote would undo what others have written while it was held.
      this.#isCut = this.#wasHeld;
      return then();
    }
    try {
      this.#doNow(step, request, session as NonNullable<typeof session>);
    } catch (error) {
      this.#note(describeStep(step), { threw: nameOf(error) });
    }
    then();
  }

  #doNow(step: Step, request: DifferentialRequest, session: NonNullable<DifferentialRequest['session']>): void {
    const note = (result: unknown): void => this.#note(describeStep(step), result);
    switch (step.do) {
      case 'set': {
        const value = made(step.value);
        session[step.key] = value;
        this.#alias = typeof value === 'object' ? (value as Record<string, unknown>) : null;
        return;
      }
      case 'assign':
        Object.assign(session, made(step.values));
        return;
      case 'delete':
        return note(delete session[step.key]);
      case 'nested':
        return changeNested(session, step);
      case 'alias':
        if (this.#alias !== null) this.#alias['alias'] = step.value;
        return;
      case 'read':
        return note(dataOf(session));
      case 'keys':
        return note(keysOf(session));
      case 'has':
        return note([step.key in session, Object.hasOwn(session, step.key)]);
      case 'user':
        return note({ user: request.user?.name ?? null, is: request.isAuthenticated() });
      case 'id':
        this.notes.push({ step: 'id', result: request.sessionID === session['id'], id: String(session['id']) });
        return;
      case 'touch':
        return note(session.touch() === session);
      case 'cookie':
        return note(cookieOf(session.cookie));
      case 'maxAge':
        session.cookie.maxAge = step.minutes * 60_000;
        return note(cookieOf(session.cookie));
      case 'prototype':
        return note(typeof (Object.getPrototypeOf(session) as { save?: unknown }).save);
      case 'flash':
        return note(request.flash(step.type, step.message));
      case 'flashes':
        return note(step.type === null ? request.flash() : request.flash(step.type));
      case 'remember':
        this.#remembered = session;
        return;
      case 'remembered':
        if (this.#remembered === null || this.#remembered === undefined) return;
        if (this.#remembered === session) return note('the same');
        if (step.change !== null) this.#remembered['x'] = step.change;
        return note(dataOf(this.#remembered));
      case 'unset':
        met('unsetEnds');
        this.#hasEnded = true;
        request.session = null;
        return note(request.session);
    }
  }

  #call(step: Step & { do: 'call' }, request: DifferentialRequest, then: () => void): void {
    const name = describeOperation(step.call);
    if (step.call.op === 'destroy') this.#hasEnded = true;
    this.#open += 1;
    const called = (error?: unknown): void => {
      // When the callback of a save comes that is not waited for differs.
      if (!error && step.how !== 'apart') this.#follow(step.call, request);
      this.calledBack.push(error ? `${name} failed` : name);
      this.#close();
    };
    try {
      switch (step.how) {
        case 'callback':
          return operate(step.call, request, (error) => {
            this.#note(name, error ? 'failed' : 'done');
            called(error);
            then();
          });
        case 'promise':
          void new Promise<void>((resolve, reject) =>
            operate(step.call, request, (error) => (error ? reject(error as Error) : resolve())),
          )
            .then(
              () => 'done',
              () => 'failed',
            )
            .then((result) => {
              this.#note(name, result);
              called(result === 'done' ? undefined : new Error(result));
              then();
            });
          return;
        case 'apart':
          operate(step.call, request, called);
          return then();
        case 'bare':
          operate(step.call, request, undefined);
          this.#close();
          return then();
      }
    } catch (error) {
      this.#note(name, { threw: nameOf(error) });
      this.#close();
      then();
    }
  }

  #follow(call: Operation, { session }: DifferentialRequest): void {
    const { op } = call;
    const keeps = 'keeps' in call && call.keeps;
    if (this.#remembered !== null && (op === 'reload' || keeps)) {
      met(op === 'reload' ? 'reloadedInPlace' : 'keptByCopy');
      this.#remembered = null;
    }
    if (this.#alias !== null && op === 'reload') {
      met('heldOverReload');
      this.#alias = null;
    }
    if (op === 'regenerate' || op === 'logOut') this.#isStored = false;
    if (op === 'logIn' || (op === 'save' && session && isFilled(session))) this.#isStored = true;
  }

  #answer(answer: Answer, answering: Answering, failing: Failing, late: object | null): unknown {
    switch (answer.by) {
      case 'json':
        return answering.json(answer.status, this.#body());
      case 'send':
        return answering.send(answer.status, JSON.stringify(this.#body()));
      case 'redirect':
        return answering.redirect(answer.status, `/to/${this.notes.length}`);
      case 'twice':
        answering.json(answer.status, this.#body());
        return answering.json(200, 'again');
      case 'write': {
        const raw = answering.raw();
        raw.statusCode = answer.status;
        raw.write('[');
        return raw.end(`${JSON.stringify(this.#body())}]`);
      }
      case 'pieces': {
        const raw = answering.raw();
        raw.statusCode = answer.status;
        raw.write('[');
        return continueAfter(answer.pause, () => {
          if (late !== null) Object.assign(late, { between: 'the pieces' });
          raw.end(`${JSON.stringify(this.#body())}]`);
        });
      }
      case 'writeHead': {
        const raw = answering.raw();
        raw.writeHead(answer.status, { 'content-type': 'text/plain' });
        return raw.end(JSON.stringify(this.#body()));
      }
      case 'end': {
        const raw = answering.raw();
        raw.statusCode = answer.status;
        return raw.end();
      }
      case 'passthrough':
        answering.status(answer.status);
        return this.#body();
      case 'return':
        return this.#body();
      case 'throw':
        throw failing(answer.status);
      case 'next':
        return answering.next();
    }
  }

  #isLate(answer: Answer): boolean {
    if (!this.visit.isLate || this.#hasEnded || !this.#isStored) return false;
    return 'status' in answer && answer.status < 500 && !['passthrough', 'throw', 'twice'].includes(answer.by);
  }

  /** After the answer. */
  #goOn(session: NonNullable<DifferentialRequest['session']>): void {
    session['late'] = this.notes.length;
    this.#open += 1;
    session.save((error) => {
      this.calledBack.push(error ? 'late save failed' : 'late save');
      this.#close();
    });
  }

  /** No more than the steps: what they gave is compared by the notes, ids left out. */
  #body(): unknown {
    return this.notes.map(({ step }) => step);
  }

  #note(step: string, result: unknown): void {
    this.notes.push({ step, result: asJson(result) });
  }

  #close(): void {
    this.#open -= 1;
    if (this.#open === 0) this.over.resolve();
  }
}
