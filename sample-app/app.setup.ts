import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { securityHeaders } from './views/security-headers.js';
import { useTemplates } from './views/templates.js';

const PUBLIC = join(import.meta.dirname, 'public');
const CHARTS = dirname(fileURLToPath(import.meta.resolve('uplot/dist/uPlot.min.css')));

/** What Express does for the shop, beside Nest: templates, headers, files. Files come before the session: they need none. */
export function setUp(app: NestExpressApplication): void {
  app.disable('x-powered-by');
  app.use(securityHeaders);
  app.useStaticAssets(PUBLIC, { prefix: '/assets/', setHeaders: (response) => keep(response, 'no-cache') });
  app.useStaticAssets(CHARTS, { prefix: '/assets/uplot/', setHeaders: (response) => keep(response, 'max-age=86400') });
  useTemplates(app);
}

/** Says for how long browsers may keep a file. `no-cache`: as long as they ask each time whether it has changed. */
function keep(response: { setHeader(name: string, value: string): unknown }, how: string): void {
  response.setHeader('Cache-Control', how);
}
