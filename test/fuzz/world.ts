import pg from 'pg';
import { randomBytes } from 'node:crypto';
import { type Place, PLACES, type PlaceDefinition, startPlace } from './place.js';
import { Wire } from './wire.js';

/** What a property tries its cases on: places that are started when they are first needed, and stay. */
export class World {
  readonly schema = `fuzz_${randomBytes(4).toString('hex')}`;
  readonly #url: string;
  readonly #pool: pg.Pool;
  readonly #places = new Map<string, Promise<Place>>();
  readonly #wires = new Map<string, Wire>();
  readonly #closing: (() => Promise<unknown>)[] = [];

  private constructor(url: string) {
    this.#url = url;
    this.#pool = new pg.Pool({ connectionString: url, max: 2 });
    // Ending a database may cut off a connection that is about to close.
    this.#pool.on('error', () => {});
  }

  static async open(url: string): Promise<World> {
    const world = new World(url);
    await world.query(`create schema ${world.schema}`);
    return world;
  }

  place(definition: PlaceDefinition): Promise<Place> {
    const { name } = definition;
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const starting = startPlace(definition, { url: this.#url, schema: this.schema });
    this.#places.set(name, starting);
    return starting;
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

  /** Has something done before the database is left. */
  atEnd(close: () => Promise<unknown>): void {
    this.#closing.push(close);
  }

  async close(): Promise<void> {
    for (const wire of this.#wires.values()) wire.close();
    const places = await Promise.allSettled(this.#places.values());
    await Promise.all(places.map((place) => (place.status === 'fulfilled' ? place.value.close() : null)));
    await Promise.all(this.#closing.map((close) => close()));
    await this.query(`drop schema ${this.schema} cascade`);
    await this.#pool.end();
  }
}

/** The places of some kind. */
export const placesWith = (isWanted: (place: PlaceDefinition) => boolean): PlaceDefinition[] => PLACES.filter(isWanted);
