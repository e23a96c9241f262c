import { Controller, Sse, UseGuards } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { SessionGuard } from 'nestjs-mikro-session';
import { from, type Observable } from 'rxjs';
import { useMovedApp } from '../../support/old-app.js';

@Controller()
class EventsController {
  @Sse('events') @UseGuards(SessionGuard) events(): Observable<string> {
    return from(['one', 'two']);
  }
}

describe('a guarded @Sse() route', () => {
  const fixture = useMovedApp({ controllers: [EventsController] });

  it('sends its events to who was signed in with express-session, and has not signed in since', async () => {
    const { text } = await fixture.moved(await fixture.old.signedIn()).get('/events');
    expect(text.match(/data: .*/g)).toEqual(['data: one', 'data: two']);
  });
});
