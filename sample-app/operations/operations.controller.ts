import { Controller, Get, Inject, type MessageEvent, Sse } from '@nestjs/common';
import { Authorize, SessionRenewal, SessionService } from 'nestjs-mikro-session';
import { map, type Observable } from 'rxjs';
import { STAFF } from '../account/users.js';
import { Page } from '../views/page.decorator.js';
import { CHARTS } from './charts.js';
import { EVERY, Sampler } from './sampler.js';

/** How the sessions of this process are doing. */
@Controller('operations')
@Authorize({ roles: [STAFF] })
export class OperationsController {
  readonly #sampler: Sampler;
  readonly #sessions: SessionService;

  constructor(@Inject(Sampler) sampler: Sampler, @Inject(SessionService) sessions: SessionService) {
    this.#sampler = sampler;
    this.#sessions = sessions;
  }

  @Get()
  @Page('operations')
  async overview(): Promise<object> {
    const live = await this.#sessions.count();
    const { since, tokens } = this.#sessions.stats();
    return {
      title: 'Operations',
      charts: CHARTS,
      seconds: EVERY / 1_000,
      latest: { ...this.#sampler.latest, live },
      sinceStart: this.#sampler.sinceStart(),
      since: new Date(since),
      rejected: tokens.rejected,
    };
  }

  /** Ends with the session. To watch is no access, or a page that lies open would keep its user signed in for ever. */
  @Sse('stream')
  @SessionRenewal(false)
  stream(): Observable<MessageEvent> {
    return this.#sampler.follow().pipe(map((samples) => ({ data: samples })));
  }
}
