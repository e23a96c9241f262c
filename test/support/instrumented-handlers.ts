import { ExternalContextCreator } from '@nestjs/core/helpers/external-context-creator.js';
import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';
import { WsContextCreator } from '@nestjs/websockets/context/ws-context-creator.js';

type Callable = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Gives Nest another function for each handler, of its name and with a copy of its metadata, as the instrumentation by
 * OpenTelemetry does for routes, until the function that is returned is called.
 */
export function instrumentHandlers(): () => void {
  const creators = [ExternalContextCreator, RouterExecutionContext, WsContextCreator];
  const prototypes = creators.map(({ prototype }) => prototype as unknown as { create: Callable });
  const originals = prototypes.map(({ create }) => create);
  for (const [index, prototype] of prototypes.entries()) {
    prototype.create = function (instance, handler, ...rest) {
      return (originals[index] as Callable).call(this, instance, instrumented(handler as Callable), ...rest);
    };
  }
  return () => {
    for (const [index, prototype] of prototypes.entries()) prototype.create = originals[index] as Callable;
  };
}

function instrumented(handler: Callable): Callable {
  const wrapped: Callable = function (...args) {
    return handler.apply(this, args);
  };
  Object.defineProperty(wrapped, 'name', { value: handler.name });
  for (const key of Reflect.getMetadataKeys(handler) as string[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, handler), wrapped);
  }
  return wrapped;
}
