/** Something that is wrong, and what mends it: a sentence or two each. */
export interface Finding {
  readonly problem: string;
  readonly fix: string;
}

/** One thing that was looked at. */
export interface Check {
  readonly subject: string;
  /** What was seen, where nothing is wrong. */
  readonly seen: string;
  readonly findings: readonly Finding[];
}

/** @param finding `null` where nothing is wrong */
export function check(subject: string, seen: string, finding: Finding | null): Check {
  return { subject, seen, findings: finding === null ? [] : [finding] };
}
