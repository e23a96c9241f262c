import { Controller, Get } from '@nestjs/common';
import { Session } from 'nestjs-mikro-session';

/** What the tests with browsers visit. */
@Controller()
export class SiteController {
  @Get('login') async login(@Session() session: Session): Promise<string> {
    await session.login('ada');
    return 'signed in as ada';
  }
  @Get('logout') async logout(@Session() session: Session): Promise<string> {
    await session.logout();
    return 'signed out';
  }
  @Get('me') me(@Session('userId') userId: string | null): string {
    return userId ?? 'nobody';
  }
}
