import assert from 'node:assert/strict';
import { COOKIE } from './generate/cookies.js';
import type { Place } from './place.js';

/** A session that is there all along, and what it must hold. */
export interface Witness {
  readonly id: string;
  readonly userId: string;
  /** What opens it. */
  readonly credential: string;
  /** How often it was counted. */
  visits: number;
}

/** The Cookie header that carries a credential. */
export const cookieOf = (credential: string): string => `${COOKIE}=${credential}`;

/** Sessions of a place that no case may change by accident. */
export class Witnesses {
  readonly all: readonly Witness[];
  readonly #place: Place;

  private constructor(place: Place, all: readonly Witness[]) {
    this.#place = place;
    this.all = all;
  }

  static async of(place: Place): Promise<Witnesses> {
    const all: Witness[] = [];
    for (let number = 0; number < 3; number++) {
      const userId = `witness ${number} of ${Math.random()}`;
      const { session, credential } = await place.sessions.create({ userId, data: { owner: userId, visits: 0 } });
      all.push({ id: session.id, userId, credential, visits: 0 });
    }
    return new Witnesses(place, all);
  }

  /** Fails if one of them is not what it was. */
  async assertUntouched(): Promise<void> {
    for (const { id, userId, visits } of this.all) {
      const session = await this.#place.sessions.find(id);
      assert.deepEqual(
        session && { userId: session.userId, data: { ...session.toJSON() } },
        { userId, data: { owner: userId, visits } },
        'a session that the case had nothing to do with has changed',
      );
    }
  }
}

const kept = new WeakMap<Place, Promise<Witnesses>>();

/** Those of a place, made once. */
export function witnessesOf(place: Place): Promise<Witnesses> {
  const known = kept.get(place) ?? Witnesses.of(place);
  kept.set(place, known);
  return known;
}
