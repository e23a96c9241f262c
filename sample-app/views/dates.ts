import { html, type Html } from './html.js';

const FORMAT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

export function time(date: Date): Html {
  return html`<time datetime="${date.toISOString()}">${timeText(date)}</time>`;
}

/** The same for an attribute, which takes no markup. */
export function timeText(date: Date): string {
  return FORMAT.format(date);
}
