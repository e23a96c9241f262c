import { isSuperseded } from './session/recognition.js';
import type { FoundSession, Visitor } from './session/session-environment.js';
import type { SessionSecrets } from './session/stored-session.js';
import type { SessionRejectedEvent } from './session.events.js';
import { shown } from './shown.js';

/** How many of one reason are told in a period, and how long that is, in milliseconds. */
const MOST = 10;
const PERIOD = 1_000;

type Reason = SessionRejectedEvent['reason'];

/** A session that was found, as far as it takes to tell what became of the token that names it. */
export type Recognised = Omit<FoundSession, 'stored'> & { readonly stored: SessionSecrets };

/** Why a token opens nothing; `null`: it does. Not told apart: a session that has ended, has expired, or never was. */
export function rejectionOf(found: Recognised | null, isAmbiguous: boolean): Exclude<Reason, 'gone'> | null {
  if (found === null) return 'unknown';
  const { stored, credential, recognition } = found;
  if (recognition === 'replaced') return 'replaced';
  if (recognition !== 'unknown') return isAmbiguous ? 'ambiguous' : null;
  return credential !== null && isSuperseded(credential, stored) ? 'superseded' : 'wrong_secret';
}

interface Told {
  since: number;
  count: number;
  leftOut: number;
}

/** Makes the events of requests that did not get the session they named: of each reason a few in a second. */
export class Rejections {
  readonly #tell: (event: SessionRejectedEvent) => void;
  readonly #trackDevice: boolean;
  readonly #now: () => number;
  readonly #told = new Map<Reason, Told>();

  /** @param now a clock that never goes back, in milliseconds */
  constructor(
    trackDevice: boolean,
    tell: (event: SessionRejectedEvent) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#trackDevice = trackDevice;
    this.#tell = tell;
    this.#now = now;
  }

  add(
    reason: Reason,
    { sessionId, userId }: Pick<SessionRejectedEvent, 'sessionId' | 'userId'>,
    visitor: Visitor,
  ): void {
    const told = this.#toldOf(reason);
    if (told.count === MOST) {
      told.leftOut++;
      return;
    }
    const { leftOut } = told;
    told.count++;
    told.leftOut = 0;
    const ip = this.#trackDevice ? visitor.ip : null;
    const userAgent = this.#trackDevice ? visitor.userAgent : null;
    this.#tell({
      type: 'rejected',
      sessionId,
      userId,
      reason,
      ip,
      userAgent: userAgent === null ? null : shown(userAgent),
      leftOut,
    });
  }

  #toldOf(reason: Reason): Told {
    const now = this.#now();
    const told = this.#told.get(reason) ?? { since: now, count: 0, leftOut: 0 };
    this.#told.set(reason, told);
    if (now - told.since >= PERIOD) Object.assign(told, { since: now, count: 0 });
    return told;
  }
}
