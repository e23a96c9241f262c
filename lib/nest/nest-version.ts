import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('@nestjs/core/package.json') as { version: string };

/** Nest 12 runs in gateways what is registered for the whole application, and knows the guards of what is provided under another name. */
export const isNest12 = Number.parseInt(version, 10) >= 12;
