import pg from 'pg';
import { randomBytes } from 'node:crypto';
import { type Place, PLACES, type PlaceDefinition, startPlace } from './place.js';
import { Wire } from './wire.js';

/** What a property tries its cases on: places that are started when they are first needed, and stay. */
export class World {
  readonly #schema = `fuzz_${randomBytes(4).toString('hex')}`;
  readonly #url: string;
  readonly #pool: pg.Pool;
  readonly #places = new Map<string, Promise<Place>>();
  readonly #wires = new Map<string, Wire>();

  constructor(url: string) {
    this.#url = url;
    this.#pool = new pg.Pool({ connectionString: url, max: 2 });
    // Ending a database may cut off a connection that is about to close.
    this.#pool.on('error', () => {});
  }

  place(definition: PlaceDefinition): Promise<Place> {
    const { name } = definition;
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const starting = this.#start(definition);
    this.#places.set(name, starting);
    return starting;
  }

  async #start(definition: PlaceDefinition): Promise<Place> {
    const schema = this.schemaOf(definition);
    if (definition.kind === 'PostgreSQL') await this.query(`create schema if not exists ${schema}`);
    return startPlace(definition, this.#url, schema);
  }

  /** Where the table of a place is. */
  schemaOf({ table }: PlaceDefinition): string {
    return `${this.#schema}_${table}`;
  }

  /** A client of a place. */
  async wire(place: Place): Promise<Wire> {
    const { name } = place.definition;
    const wire = this.#wires.get(name) ?? new Wire(place.port);
    this.#wires.set(name, wire);
    return wire;
  }

  async query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#pool.query<Row>(text, values)).rows;
  }

  async close(): Promise<void> {
    for (const wire of this.#wires.values()) wire.close();
    const places = await Promise.allSettled(this.#places.values());
    await Promise.all(places.filter((place) => place.status === 'fulfilled').map(({ value }) => value.close()));
    for (const place of PLACES) await this.query(`drop schema if exists ${this.schemaOf(place)} cascade`);
    await this.#pool.end();
  }
}
