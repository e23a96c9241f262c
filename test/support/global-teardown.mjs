import { rm } from 'node:fs/promises';

export default async function tearDown() {
  const started = globalThis.__POSTGRES__;
  if (!started) return;
  await started.postgres.release();
  await rm(started.folder, { recursive: true, force: true });
}
