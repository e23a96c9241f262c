import { SessionModule } from 'nestjs-mikro-session';
import { application } from './application.js';
import type { StartServer } from './setting.js';

/** The same application with sessions, whose table is looked at when it starts. */
export const start: StartServer = (setting) =>
  application(setting, [SessionModule.forRoot({ ensureSchema: true, idleTimeout: setting.idleSeconds * 1000 })]);
