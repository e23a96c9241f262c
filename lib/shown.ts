/** How much of a name is shown, in characters: all of a path down to where nesting ends, as a rule. */
const LONGEST_NAME = 400;
/** The same of what an error says. */
const LONGEST_MESSAGE = 2_000;

/** What ends a line, moves a terminal's cursor, or turns the direction of what is read; and halves of characters. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu;
const SHORT: Readonly<Record<string, string | undefined>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A line of a stack that says where, and not what. */
const FRAME = /^ {4}at /;

// Texts that a client, a database, another library or stored data chose, as messages and log lines show them. Every message of
// a `SessionError` and every line for the operator goes through `escaped()`; the other functions bound what is in it.

/** A text on one line: line breaks, control characters and the like as escapes. */
export function escaped(text: string): string {
  return text.replace(
    UNSAFE,
    (unit) => SHORT[unit] ?? `\\u${(unit.codePointAt(0) as number).toString(16).padStart(4, '0')}`,
  );
}

/** The same, cut: a client may have made it as long as a request can be. */
export function shown(text: string, longest = LONGEST_NAME): string {
  if (text.length <= longest) return escaped(text);
  // Not in the middle of a character.
  const end = /[\ud800-\udbff]/.test(text.charAt(longest - 1)) ? longest - 1 : longest;
  return `${escaped(text.slice(0, end))}…`;
}

/** The same in quotes, of which it cannot break out. */
export function inQuotes(text: string, longest?: number): string {
  return `"${shown(text.replace(/["\\]/g, '\\$&'), longest)}"`;
}

/** What was thrown: of an error its name, and what it says. */
export function shownError(error: unknown): string {
  return shown(String(error), LONGEST_MESSAGE);
}

/** The same without the name. */
export function shownMessage({ message }: Error): string {
  return shown(String(message), LONGEST_MESSAGE);
}

/**
 * Where an error comes from, below what it says: a line for each call, which nothing in its message can pass for.
 *
 * @param title instead of what it says
 */
export function shownStack(error: Error, title = shownError(error)): string {
  const stack = String(error.stack);
  const message = String(error.message);
  // It begins with the message, as it was when the error was made.
  const at = stack.indexOf(message);
  const lines = (at < 0 ? stack : stack.slice(at + message.length)).split('\n');
  return [title, ...lines.filter((line) => FRAME.test(line)).map(escaped)].join('\n');
}
