import { shown, shownMessage, shownStack } from '../../../shown.js';
import { isRaised } from './refusals.js';

/**
 * What PostgreSQL and drivers say about an error without quoting a value
 * (https://www.postgresql.org/docs/current/protocol-error-fields.html). `detail` may hold a whole row, `where` and
 * `internalQuery` parts of one, and some drivers add the statement's parameters.
 */
const QUOTES_NOTHING = [
  'code',
  'severity',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'routine',
  'errno',
  'syscall',
];

/** SQLSTATE classes whose messages quote the value that was refused: data exceptions, and errors that functions raise as a rule. */
const QUOTES_VALUES = /^(22|P0)...$/;

/** A line of `where` that says which function, such as a trigger, or which place of which table, and nothing else. */
const CONTEXT = /^(PL\/pgSQL function|while [a-z]+ tuple) .*$/gm;

/** A copy of an error that may be logged, as the `cause` of ours: with no stored value in it, and on one line. */
export function loggable(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { cause } = error;
  const { code, errors, where } = error as { code?: unknown; errors?: unknown; where?: unknown };
  const isQuoting = typeof code === 'string' && (QUOTES_VALUES.test(code) || isRaised(error));
  const says = isQuoting
    ? `SQLSTATE ${code}; the message is left out, as it may quote a stored value`
    : shownMessage(error);
  const copy = new Error(says, cause === undefined ? undefined : { cause: loggable(cause) });
  copy.name = shown(String(error.name));
  copy.stack = shownStack(error, `${copy.name}: ${says}`);
  for (const field of QUOTES_NOTHING) {
    const value: unknown = Reflect.get(error, field);
    if (typeof value === 'string' || typeof value === 'number') Object.assign(copy, { [field]: value });
  }
  if (typeof where === 'string') Object.assign(copy, { where: where.match(CONTEXT)?.join('\n') ?? '(left out)' });
  return Array.isArray(errors) ? Object.assign(copy, { errors: errors.map(loggable) }) : copy;
}
