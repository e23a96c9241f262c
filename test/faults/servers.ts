import type { Ending } from './ending.js';
import type { ServerNeeds } from './fault.js';
import type { Cluster } from './postgres/cluster.js';
import { mountDisk } from './postgres/disk.js';
import type { Site } from './site.js';

/** Those of one fault, running. */
export interface Servers {
  readonly primary: Cluster;
  readonly standby: Cluster | null;
}

/** @param ending gets what takes them away again */
export async function serversFor(site: Site, needs: 'shared' | ServerNeeds, ending: Ending): Promise<Servers> {
  const shared = await site.shared();
  if (needs === 'shared') return { primary: shared, standby: null };
  const home = site.newFolder();
  if (needs.diskMiB !== undefined) await mountDisk(shared, home, needs.diskMiB, ending);
  const folder = needs.diskMiB === undefined ? home : `${home}/data`;
  const primary = await site.copy(folder);
  ending.add(() => primary.remove());
  if (!needs.hasStandby) {
    await primary.start();
    return { primary, standby: null };
  }
  const standby = await primary.copy(`${folder}-standby`);
  ending.add(() => standby.remove());
  await standby.follow(primary);
  await primary.configure("synchronous_standby_names = 'standby'");
  await primary.start();
  await standby.start();
  return { primary, standby };
}
