// What an application that declares its data sees. Compiled by `npm run types`, never run, and by itself: a declaration counts in all of a program.
import { type Session, Session as FromSession, type SessionKey, type SessionPath } from 'nestjs-mikro-session';
import { expectTypeOf } from 'expect-type';

declare module 'nestjs-mikro-session' {
  interface SessionData {
    cart: { items: { name: string; amount: number }[]; note?: string };
    visits: number;
  }
}

declare const session: Session;

expectTypeOf<SessionKey>().toEqualTypeOf<'cart' | 'visits'>();
expectTypeOf<'cart.items.0.name'>().toExtend<SessionPath>();
expectTypeOf<'cart.itmes'>().not.toExtend<SessionPath>();

// Whatever is declared may be absent.
expectTypeOf(session.data.visits).toEqualTypeOf<number | undefined>();
expectTypeOf(session.get('visits')).toEqualTypeOf<number | undefined>();
expectTypeOf(session.get('visits', 0)).toEqualTypeOf<number>();
expectTypeOf(session.get('cart.items.0.name')).toEqualTypeOf<string | undefined>();
expectTypeOf(session.get('cart.note', '')).toEqualTypeOf<string>();
expectTypeOf(session.pull('cart.items')).toEqualTypeOf<{ name: string; amount: number }[] | undefined>();
expectTypeOf(session.set('visits', 1)).toExtend<Session>();
expectTypeOf(session.update((data) => data.visits)).resolves.toEqualTypeOf<number | undefined>();

// @ts-expect-error -- no such path
session.get('cart.itmes');
// @ts-expect-error -- not a number
session.set('cart.items.0.name', 1);
// @ts-expect-error -- not a string
session.get('visits', 'none');
// @ts-expect-error -- a path, where the database counts by top-level key
session.increment('cart.items.0.amount');
// @ts-expect-error -- cannot be replaced
session.userId = 'mallory';

// The decorator, with members, paths and pipes.
expectTypeOf(FromSession()).toEqualTypeOf<ParameterDecorator>();
expectTypeOf(FromSession('userId')).toEqualTypeOf<ParameterDecorator>();
expectTypeOf(FromSession('cart.items')).toEqualTypeOf<ParameterDecorator>();
// @ts-expect-error -- neither a member nor a path
FromSession('secretHash');
