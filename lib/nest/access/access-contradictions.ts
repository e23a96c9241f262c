import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { SessionConfigurationError } from '../../session.errors.js';
import { inheritanceOf, methodsOf, typesOf } from './methods.js';
import {
  hasLostClass,
  hasLostRequirements,
  type Statement,
  statementOnClass,
  statementOnMethod,
} from './route-access.js';

/**
 * Looks at all controllers, gateways and resolvers, and at their base classes.
 *
 * @throws {SessionConfigurationError} where one class or handler is `@Public()` and has requirements as well, and where a class or
 * method has lost them.
 */
export function assertNoContradictions(modules: ModulesContainer): void {
  for (const type of typesOf(modules).keys()) {
    const inheritance = inheritanceOf(type);
    for (const one of inheritance) {
      const where = `the class ${classNameOf(one)}`;
      assertOneVoice(statementOnClass(one), where, ', or move one to the handlers that it is meant for');
      if (hasLostClass(one, inheritance)) {
        throw lostRequirements(where, '@Authorize() or @UseGuards(SessionGuard)', 'another class in its place');
      }
      for (const [name, method] of methodsOf(one)) {
        const handler = `${one.name}.${String(name)}()`;
        assertOneVoice(statementOnMethod(method), handler);
        if (hasLostRequirements(one, name, method)) {
          throw lostRequirements(handler, '@Authorize()', 'another function in the place of the method');
        }
      }
    }
  }
}

function assertOneVoice({ isPublic, requirements }: Statement, where: string, orElse = ''): void {
  if (!isPublic || requirements.length === 0) return;
  throw new SessionConfigurationError(
    `On ${where}, @Public() stands beside @Authorize() or @UseGuards(SessionGuard): the one lets every visitor in, the other ` +
      `does not. Fix: remove one of the two${orElse}.`,
  );
}

/** By its prototype: another class in its place may have another name. */
function classNameOf({ prototype }: Type): string {
  return (prototype as { constructor: Type }).constructor.name;
}

function lostRequirements(where: string, lost: string, replacement: string): SessionConfigurationError {
  return new SessionConfigurationError(
    `On ${where}, a decorator above ${lost} has put ${replacement}, and nothing guards that. Fix: move ${lost} above it.`,
  );
}
