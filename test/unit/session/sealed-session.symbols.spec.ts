import { expect, it } from '@jest/globals';
import { TestSessions } from './sessions.js';

it('a session as an application holds it shows nothing that stands under a symbol in its data', async () => {
  const session = (await new TestSessions().open()).sealed as unknown as Record<PropertyKey, any>;
  const symbol = Symbol('of an application');
  session['data'][symbol] = 1;
  expect([session[symbol], symbol in session, Object.hasOwn(session, symbol)]).toEqual([undefined, false, false]);
});
