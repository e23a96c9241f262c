/** In milliseconds. */
let offset = 0;

const RealDate = Date;

class ShiftedDate extends RealDate {
  static override now(): number {
    return RealDate.now() + offset;
  }

  constructor(...values: unknown[]) {
    if (values.length === 0) super(ShiftedDate.now());
    else super(...(values as [number]));
  }
}

// Before any module can hold on to the real one: this file is imported first.
globalThis.Date = ShiftedDate as DateConstructor;

/** Sets this process's wall clock to so much more than the machine's. */
export function shiftClock(milliseconds: number): void {
  offset = milliseconds;
}
