const LANGUAGE = 'en-IE';
const PRICE = new Intl.NumberFormat(LANGUAGE, { style: 'currency', currency: 'EUR' });
const NUMBER = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 2 });
const TIME = new Intl.DateTimeFormat(LANGUAGE, { timeStyle: 'short' });
const DATE_TIME = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'short' });

const A_DAY = 24 * 60 * 60 * 1_000;

export function price(cents: number): string {
  return PRICE.format(cents / 100);
}

/** A figure; a dash for one that is not known. */
export function number(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : NUMBER.format(value);
}

export function dateTime(date: Date): string {
  return DATE_TIME.format(date);
}

/** Without the day, where it is within one. */
export function time(date: Date): string {
  return Math.abs(date.getTime() - Date.now()) < A_DAY ? TIME.format(date) : DATE_TIME.format(date);
}
