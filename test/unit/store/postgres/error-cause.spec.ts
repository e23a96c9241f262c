import { describe, expect, it } from '@jest/globals';
import { loggable } from '../../../../lib/store/postgres/driver/error-cause.js';

describe('The cause of an error of the store', () => {
  it('says what PostgreSQL and the operating system say of it, and quotes no value', () => {
    const told = {
      code: '23514',
      severity: 'ERROR',
      schema: 'public',
      table: 'sessions',
      column: 'data',
      dataType: 'jsonb',
      constraint: 'decent',
      routine: 'ExecConstraints',
      errno: -111,
      syscall: 'connect',
    };
    const quoting = {
      detail: 'Failing row contains (secret).',
      where: 'SQL statement "secret"',
      parameters: ['secret'],
    };
    const error = Object.assign(new Error('no'), told, quoting);
    expect({ ...(loggable(error) as object) }).toEqual({ name: 'Error', ...told, where: '(left out)' });
    expect((loggable(error) as Error).message).toBe('no');
  });
});
