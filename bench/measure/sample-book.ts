import type { Contestant } from '../contestants.js';
import type { Figures, Method, Sample } from '../results.js';
import { spreadOf, spreadOfKnown } from './statistics.js';

/** Collects the samples of all rounds. */
export class SampleBook {
  readonly #pages = new Map<
    string,
    { contestant: Contestant; method: Method; connections: number; samples: Sample[] }
  >();

  add(contestant: Contestant, method: Method, connections: number, sample: Sample): void {
    const key = `${contestant.name} ${method} ${connections}`;
    const page = this.#pages.get(key) ?? { contestant, method, connections, samples: [] };
    page.samples.push(sample);
    this.#pages.set(key, page);
  }

  figures(): Figures[] {
    return Array.from(this.#pages.values(), ({ contestant, method, connections, samples }) => ({
      contestant: contestant.name,
      platform: contestant.platform,
      method,
      connections,
      spread: {
        perSecond: spreadOf(samples.map((sample) => sample.perSecond)),
        p50: spreadOf(samples.map((sample) => sample.p50)),
        p99: spreadOf(samples.map((sample) => sample.p99)),
        statements: spreadOf(samples.map((sample) => sample.statements)),
        queries: spreadOf(samples.map((sample) => sample.queries)),
        walBytes: spreadOf(samples.map((sample) => sample.walBytes)),
        hotShare: spreadOfKnown(samples.map((sample) => sample.hotShare)),
        postgresCpu: spreadOfKnown(samples.map((sample) => sample.postgresCpu)),
        serverCpu: spreadOfKnown(samples.map((sample) => sample.serverCpu)),
        redisCommands: spreadOfKnown(samples.map((sample) => sample.redisCommands)),
      },
    }));
  }
}
