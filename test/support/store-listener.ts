import type { SessionId } from 'nestjs-mikro-session';
import type { StoreListener } from 'nestjs-mikro-session/store';

/** What a store reports, in order. */
export class StoreReports implements StoreListener {
  readonly renewals: SessionId[] = [];
  readonly failures: unknown[] = [];
  readonly refusals: SessionId[] = [];
  /** What is no session. */
  readonly none: SessionId[] = [];
  /** What other processes have changed, message by message. */
  readonly changes: (readonly SessionId[] | null)[] = [];
  /** Whether the feed was connected, at each report of it. */
  readonly feed: boolean[] = [];
  /** What the operator is warned of at start. */
  readonly warnings: string[] = [];

  renewed(accesses: readonly { readonly id: SessionId }[]): void {
    this.renewals.push(...accesses.map(({ id }) => id));
  }

  renewalFailed(error: unknown): void {
    this.failures.push(error);
  }

  renewalRefused(id: SessionId, error: unknown): void {
    this.refusals.push(id);
    this.failures.push(error);
  }

  notASession(id: SessionId): void {
    this.none.push(id);
  }

  changed(ids: readonly SessionId[] | null): void {
    this.changes.push(ids);
  }

  feedConnected(isConnected: boolean): void {
    this.feed.push(isConnected);
  }

  warned(warning: string): void {
    this.warnings.push(warning);
  }
}
