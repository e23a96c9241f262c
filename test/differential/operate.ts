import type { Operation } from './program.js';
import type { Callback, DifferentialRequest } from './request.js';

const USERS: Readonly<Record<string, object>> = {
  ada: { name: 'ada' },
  // Serialized as it is, with its date.
  bob: { name: 'bob', since: new Date(0) },
};

/** Calls an operation of the session, or of Passport. */
export function operate(call: Operation, request: DifferentialRequest, callback: Callback | undefined): void {
  switch (call.op) {
    case 'logIn':
      return request.logIn(USERS[call.user] as object, { keepSessionInfo: call.keeps }, callback as Callback);
    case 'logOut':
      return request.logOut({ keepSessionInfo: call.keeps }, callback as Callback);
    default:
      request.session?.[call.op](callback);
  }
}
