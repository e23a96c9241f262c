import { Controller, Get, Module, Post } from '@nestjs/common';
import { type Counting, type Reading, readingOf, sampleData } from '../sample-data.js';
import { createApp } from './platform.js';
import type { StartServer } from './setting.js';

/** The same handlers without a session: what there is to lose. */
@Controller()
export class BareController {
  readonly #data = sampleData();

  @Get('read')
  read(): Reading {
    return readingOf(this.#data);
  }

  @Post('count')
  count(): Counting {
    this.#data.count += 1;
    return { count: this.#data.count };
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

export const start: StartServer = ({ contestant }) => createApp(BareModule, contestant.platform);
