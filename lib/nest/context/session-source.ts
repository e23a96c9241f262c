import { Inject, Injectable } from '@nestjs/common';
import { OriginCheck } from '../../http/origin-check.js';
import type { SessionTransport } from '../../http/session-transport.js';
import { transportOf } from '../../http/transport-of.js';
import { SessionManager } from '../../session-manager.js';
import { type ResolvedSessionOptions, SESSION_OPTIONS } from '../../session.options.js';
import { operatorLog } from '../operator-log.js';
import { LateWrites } from './late-writes.js';

/**
 * What contexts take sessions from: the manager, and how tokens travel. One serves an application: one that is mounted in another has
 * sessions of its own.
 */
@Injectable()
export class SessionSource {
  readonly manager: SessionManager;
  readonly transport: SessionTransport;
  readonly originCheck: OriginCheck;
  readonly options: ResolvedSessionOptions;
  readonly lateWrites: LateWrites;
  readonly #underWay = new WeakSet<object>();

  constructor(
    @Inject(SessionManager) manager: SessionManager,
    @Inject(SESSION_OPTIONS) options: ResolvedSessionOptions,
  ) {
    this.manager = manager;
    this.options = options;
    this.transport = transportOf(options, operatorLog.warn, () => (manager.meter.rejected.malformed += 1));
    this.originCheck = new OriginCheck(options.originCheck);
    this.lateWrites = new LateWrites(operatorLog.warn);
  }

  /** Returns whether nobody is at it yet: what Nest handles with that list of arguments. Another attempt begins anew. */
  begin(args: object): boolean {
    if (this.#underWay.has(args)) return false;
    this.#underWay.add(args);
    return true;
  }

  end(args: object): void {
    this.#underWay.delete(args);
  }
}
