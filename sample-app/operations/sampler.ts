import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SessionService, type SessionStats } from 'nestjs-mikro-session';
import { concat, defer, exhaustMap, interval, map, type Observable, of, Subject, type Subscription } from 'rxjs';
import { type Figures, figuresOf } from './figures.js';

/** In milliseconds. */
export const EVERY = 2_000;
/** Five minutes. */
const KEPT = 150;

/** Figures, and when they were taken: milliseconds since the epoch. */
export interface Sample extends Figures {
  readonly at: number;
}

/** Takes the figures of this process every two seconds, and keeps those of the last minutes. */
@Injectable()
export class Sampler implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #sessions: SessionService;
  readonly #next = new Subject<Sample>();
  #kept: readonly Sample[] = [];
  #last: { readonly at: number; readonly stats: SessionStats };
  #sampling: Subscription | undefined;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
    this.#last = { at: Date.now(), stats: sessions.stats() };
  }

  onApplicationBootstrap(): void {
    this.#sampling = interval(EVERY)
      .pipe(exhaustMap(() => this.#sample()))
      .subscribe((sample) => {
        this.#kept = [...this.#kept, sample].slice(-KEPT);
        this.#next.next(sample);
      });
  }

  onModuleDestroy(): void {
    this.#sampling?.unsubscribe();
    this.#next.complete();
  }

  /** The samples that are kept, in one piece, and then each new one. */
  follow(): Observable<readonly Sample[]> {
    return defer(() => concat(of(this.#kept), this.#next.pipe(map((sample) => [sample]))));
  }

  get latest(): Sample | null {
    return this.#kept.at(-1) ?? null;
  }

  sinceStart(): Figures {
    const stats = this.#sessions.stats();
    return figuresOf(stats, null, (Date.now() - stats.since) / 1_000, null);
  }

  async #sample(): Promise<Sample> {
    // This looks at every row, so only while someone is watching. With millions of rows: once a minute.
    const live = this.#next.observed ? await this.#sessions.count().catch(() => null) : null;
    const before = this.#last;
    this.#last = { at: Date.now(), stats: this.#sessions.stats() };
    const seconds = (this.#last.at - before.at) / 1_000;
    return { at: this.#last.at, ...figuresOf(this.#last.stats, before.stats, seconds, live) };
  }
}
