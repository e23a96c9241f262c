import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Type } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { type AuthSnapshot, MemorySessionStore, SessionService } from 'nestjs-mikro-session';
import { SessionSource } from '../../../lib/nest/context/session-source.js';
import { OperatorReports } from '../../../lib/operator-reports.js';
import { SessionManager } from '../../../lib/session-manager.js';
import { resolveOptions } from '../../../lib/session.options.js';

class TestStore extends MemorySessionStore {
  /** How far its clock is ahead, in milliseconds. */
  ahead = 0;
  /** How often a session was looked up. */
  lookups = 0;

  override now(): number {
    return super.now() + this.ahead;
  }

  #held: Promise<void> | null = null;

  /** Holds the answer of the next look-up up, which sees what is there as it is called. */
  holdNext(): PromiseWithResolvers<void> {
    const held = Promise.withResolvers<void>();
    this.#held = held.promise;
    return held;
  }

  override async find(...args: Parameters<MemorySessionStore['find']>): ReturnType<MemorySessionStore['find']> {
    this.lookups++;
    const held = this.#held;
    this.#held = null;
    const found = await super.find(...args);
    await held;
    return found;
  }
}

/** What guards work with, without an application and without a network. */
export class Visits {
  readonly store: TestStore;
  readonly source: SessionSource;
  readonly sessions: SessionService;

  constructor() {
    const options = resolveOptions();
    this.store = new TestStore(options);
    const reports = new OperatorReports({ log: () => {}, warn: () => {}, error: () => {} });
    this.source = new SessionSource(new SessionManager(this.store, options, reports), options);
    this.sessions = new SessionService(this.source, this.store);
  }

  /** The cookie of a user who is signed in; without a snapshot, of a visitor who is not. */
  async cookie(auth?: AuthSnapshot): Promise<string> {
    const user = auth === undefined ? { data: { n: 1 } } : { userId: 'ada', auth };
    return (await this.sessions.create(user)).cookie;
  }

  /** A call of a handler, as guards see it. */
  call(controller: Type, handler: string, cookie?: string, type = 'http'): ExecutionContextHost {
    const request = new IncomingMessage(new Socket());
    if (cookie !== undefined) request.headers.cookie = cookie;
    const method = (controller.prototype as Record<string, () => void>)[handler] as () => void;
    const host = new ExecutionContextHost([request, new ServerResponse(request)], controller, method);
    host.setType(type);
    return host;
  }
}
