import { methodOf } from './access/methods.js';

/** Where Nest keeps the parameters of a handler, by the name of the method. */
const PARAMETERS = '__routeArguments__';
/** `@Res({ passthrough: true })`. */
const PASSTHROUGH = '__responsePassthrough__';
/** With these Nest answers, whatever the parameters are. */
const ANSWERED_BY_NEST = ['__renderTemplate__', '__redirect__', '__sse__'];
/** `@Res()` and `@Next()`, as the keys of the parameters begin. */
const RESPONSE_OR_NEXT = /^[12]:/;

type Class = { readonly prototype?: { readonly constructor?: object } };

/**
 * Whether a handler sends the answer by itself, by Nest's own rule: it takes the response or `next`, and does not leave the
 * answer to Nest by `passthrough`, `@Render()`, `@Redirect()` or `@Sse()`.
 */
export function answersItself(controller: Class, handler: object): boolean {
  if (ANSWERED_BY_NEST.some((key) => Reflect.getMetadata(key, handler) !== undefined)) return false;
  // Mixins copy methods, and leave what is known of their parameters with the class that they were copied from.
  const classes = [controller, controller.prototype?.constructor ?? controller];
  return namesOf(controller, methodOf(handler)).some((name) =>
    classes.some((one) => {
      const parameters = Object.keys((Reflect.getMetadata(PARAMETERS, one, name) ?? {}) as object);
      return (
        parameters.some((key) => RESPONSE_OR_NEXT.test(key)) && Reflect.getMetadata(PASSTHROUGH, one, name) !== true
      );
    }),
  );
}

/** The names that a controller has a method under. A decorator may have put a function of another name in its place. */
function namesOf({ prototype }: Class, handler: object): string[] {
  const names = new Set<string>();
  for (
    let holder: object | null = prototype ?? null;
    holder !== null;
    holder = Object.getPrototypeOf(holder) as object
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
      if (value === handler) names.add(name);
    }
  }
  return [...names];
}
