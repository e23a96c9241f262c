import type { ModulesContainer } from '@nestjs/core';
import { SessionConfigurationError } from '../../session.errors.js';
import { inheritanceOf, methodsOf, typesOf } from './methods.js';
import { hasLostRequirements, type Statement, statementOnClass, statementOnMethod } from './route-access.js';

/**
 * Looks at all controllers, gateways and resolvers, and at their base classes.
 *
 * @throws {SessionConfigurationError} where one class or handler is `@Public()` and has requirements as well, and where a method
 * has lost them.
 */
export function assertNoContradictions(modules: ModulesContainer): void {
  for (const type of typesOf(modules).keys()) {
    for (const one of inheritanceOf(type)) {
      assertOneVoice(
        statementOnClass(one),
        `the class ${one.name}`,
        ', or move one to the handlers that it is meant for',
      );
      for (const [name, method] of methodsOf(one)) {
        const where = `${one.name}.${String(name)}()`;
        assertOneVoice(statementOnMethod(method), where);
        if (hasLostRequirements(one, name, method)) throw lostRequirements(where);
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

function lostRequirements(where: string): SessionConfigurationError {
  return new SessionConfigurationError(
    `On ${where}, a decorator above @Authorize() has put another function in the place of the method, and nothing guards that. ` +
      'Fix: move @Authorize() above it.',
  );
}
