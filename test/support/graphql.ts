import { UseGuards } from '@nestjs/common';
import {
  Args,
  Field,
  Int,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { Authorize, Public, Session, SessionGuard, SessionRenewal, SkipSession } from 'nestjs-mikro-session';
import { concat, type Observable, of, throwError } from 'rxjs';
import type { Client } from './client.js';
import { Handlers } from './handlers.js';

/** What a resolver does. */
export type ResolverVisit = (session: Session) => unknown;

const visits = new Handlers<ResolverVisit>();

/** Has a function run in a resolver, and gives the argument to pass for that. */
export function inResolver(visit: ResolverVisit): string {
  return JSON.stringify(visits.add(visit));
}

async function run(name: string, session: Session): Promise<string> {
  return JSON.stringify((await visits.get(name)(session)) ?? null);
}

@ObjectType()
export class Item {
  @Field(() => Int) number!: number;
}

const ITEMS = [{ number: 1 }, { number: 2 }, { number: 3 }];

@Resolver(() => Item)
export class ItemResolver {
  @Query(() => String) visit(@Args('name') name: string, @Session() session: Session): Promise<string> {
    return run(name, session);
  }
  @Mutation(() => String) change(@Args('name') name: string, @Session() session: Session): Promise<string> {
    return run(name, session);
  }
  @Query(() => [Item]) items(): Item[] {
    return ITEMS;
  }
  @Query(() => [Item]) @SkipSession() skipped(): Item[] {
    return ITEMS;
  }
  @Query(() => String) @SkipSession() skippedSession(@Session('id') id: string): string {
    return id;
  }
  @Query(() => String) @UseGuards(SessionGuard) me(@Session('userId') userId: string): string {
    return userId;
  }
  @Mutation(() => String) failing(@Session() session: Session): Observable<string> {
    session.set('failing', true);
    return concat(
      of('value'),
      throwError(() => new Error('broken')),
    );
  }
  @Mutation(() => String) @Authorize({ roles: ['editor'] }) edit(): string {
    return 'edited';
  }
  @Query(() => String, { nullable: true }) @SessionRenewal(false) poll(@Session('userId') userId: string): string {
    return userId;
  }
  @Query(() => [Item]) @SessionRenewal(false) polled(): Item[] {
    return ITEMS;
  }
  @Subscription(() => Int) @UseGuards(SessionGuard) async *numbers(
    @Session('userId') userId: string,
  ): AsyncGenerator<{ numbers: number }> {
    for (const { number } of ITEMS) yield { numbers: userId === 'ada' ? number : 0 };
  }
  @ResolveField(() => String)
  field(@Parent() _item: Item, @Args('name') name: string, @Session() session: Session): Promise<string> {
    return run(name, session);
  }
  @ResolveField(() => String, { nullable: true }) @UseGuards(SessionGuard) guarded(
    @Session('userId') userId: string,
  ): string {
    return userId;
  }
}

/** One with a guard before all of its queries. */
@Resolver()
@UseGuards(SessionGuard)
export class GuardedResolver {
  @Query(() => String) @Public() open(): string {
    return 'open';
  }
}

/** What a GraphQL server answered. */
export interface GraphqlReply {
  readonly status: number;
  readonly data: any;
  readonly errors: any[] | undefined;
  readonly setCookies: string[];
}

export async function graphql(client: Client, query: string, headers?: Record<string, string>): Promise<GraphqlReply> {
  const reply = await client.post('/graphql', { query }, headers);
  const { data, errors } = reply.json as { data: any; errors: any[] | undefined };
  return { status: reply.status, data, errors, setCookies: reply.setCookies };
}
