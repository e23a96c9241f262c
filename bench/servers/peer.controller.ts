import { Controller, Get, Post, Session } from '@nestjs/common';
import { type Counting, type Reading, readingOf, type SampleData, sampleData } from '../sample-data.js';

/** The handlers, for whatever keeps the data as properties of `request.session`. */
@Controller()
export class PeerController {
  @Get('read')
  read(@Session() session: SampleData): Reading {
    return readingOf(session);
  }

  @Post('count')
  count(@Session() session: SampleData): Counting {
    session.count += 1;
    return { count: session.count };
  }

  @Post('seed')
  seed(@Session() session: SampleData): object {
    Object.assign(session, sampleData());
    return {};
  }
}
