import { application } from './application.js';
import type { StartServer } from './setting.js';

/** What starts without sessions. */
export const start: StartServer = (setting) => application(setting, []);
