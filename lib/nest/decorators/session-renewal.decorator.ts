import { SetMetadata } from '@nestjs/common';
import { RENEWAL } from '../session.metadata.js';

/**
 * With `false`: requests to a route, or to all of a controller's, do not keep a session alive. For what a page polls by
 * itself, so that a user who has left does not stay signed in for ever. Changes are stored all the same.
 */
export function SessionRenewal(renews: boolean): ClassDecorator & MethodDecorator {
  return SetMetadata(RENEWAL, renews);
}
