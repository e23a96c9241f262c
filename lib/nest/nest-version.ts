// Imported, so that a bundle has it: it may run where no package is.
import core from '@nestjs/core/package.json' with { type: 'json' };

/** Nest 12 runs in gateways what is registered for the whole application, and knows the guards of what is provided under another name. */
export const isNest12 = Number.parseInt(core.version, 10) >= 12;
