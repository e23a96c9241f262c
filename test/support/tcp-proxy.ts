import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * What happens to traffic: it passes; it passes after a delay; a new connection is only slow to be made; it is swallowed, and a
 * connection that has lost anything is silent for good, as one that a firewall has forgotten; connections are accepted and
 * nothing is said on them, ever; each connection is reset, those that are there and those that come.
 */
export type ProxyMode = 'pass' | 'delay' | 'slow-to-connect' | 'drop' | 'half-open' | 'reset';

interface Link {
  readonly client: net.Socket;
  readonly upstream: net.Socket | null;
  /** Whether something of it was swallowed. */
  isSilent: boolean;
}

/** A network between a client and a server that does what a test tells it to do. */
export class TcpProxy {
  readonly #server = net.createServer({ allowHalfOpen: false });
  readonly #links = new Set<Link>();
  #target: number;
  #mode: ProxyMode = 'pass';
  /** In milliseconds. */
  #delay = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server.on('connection', (client) => this.#accept(client));
  }

  /** @param target the port of the loopback interface that it leads to */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** How many connections there are through it. */
  get connections(): number {
    return this.#links.size;
  }

  /** Leads new connections elsewhere; those that are there stay. */
  lead(target: number): void {
    this.#target = target;
  }

  /** @param delay with `delay`: in milliseconds, each way; with `slow-to-connect`: until a connection is made */
  set(mode: ProxyMode, delay = 0): void {
    this.#mode = mode;
    this.#delay = delay;
    if (mode === 'reset' || mode === 'half-open') this.reset();
  }

  /** Resets the connections that are there. */
  reset(): void {
    for (const { client, upstream } of this.#links) {
      client.resetAndDestroy();
      upstream?.destroy();
    }
  }

  /** The connections that are there are silent from now on, as if a firewall had forgotten them; new ones are not. */
  forget(): void {
    for (const link of this.#links) link.isSilent = true;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.reset();
    await closed;
  }

  #accept(client: net.Socket): void {
    client.on('error', () => {});
    if (this.#mode === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const isMute = this.#mode === 'half-open' || this.#mode === 'drop';
    const upstream = isMute ? null : net.connect(this.#target, '127.0.0.1');
    const link: Link = { client, upstream, isSilent: isMute };
    this.#links.add(link);
    client.on('close', () => {
      this.#links.delete(link);
      upstream?.destroy();
    });
    // Read, or the end of the connection would not be seen either.
    if (upstream === null) client.resume();
    else this.#join(link, upstream);
  }

  #join(link: Link, upstream: net.Socket): void {
    const { client } = link;
    const down = new Lane(client);
    const up = new Lane(upstream);
    if (this.#mode === 'slow-to-connect') up.wait(this.#delay);
    client.on('data', (chunk) => this.#pass(link, up, chunk));
    upstream.on('data', (chunk) => this.#pass(link, down, chunk));
    upstream.on('error', () => {});
    // What ends one side ends the other: unless nothing comes through to it any more.
    upstream.on('close', () => link.isSilent || this.#mode === 'drop' || down.end());
  }

  #pass(link: Link, lane: Lane, chunk: Buffer): void {
    link.isSilent ||= this.#mode === 'drop';
    if (!link.isSilent) lane.pass(chunk, this.#mode === 'delay' ? this.#delay : 0);
  }
}

/** One direction of a connection, whose chunks keep their order whatever their delays. */
class Lane {
  readonly #to: net.Socket;
  #last: Promise<void> | null = null;

  constructor(to: net.Socket) {
    this.#to = to.setNoDelay(true);
  }

  pass(chunk: Buffer, delay: number): void {
    if (delay === 0 && this.#last === null) this.#to.write(chunk);
    else this.#enqueue(delay, () => this.#to.destroyed || this.#to.write(chunk));
  }

  /** What comes meanwhile is passed on afterwards. */
  wait(delay: number): void {
    this.#enqueue(delay, () => {});
  }

  end(): void {
    this.#enqueue(0, () => this.#to.destroy());
  }

  #enqueue(delay: number, act: () => unknown): void {
    const due = pause(delay);
    const turn = (this.#last ?? Promise.resolve()).then(async () => {
      await due;
      act();
      if (this.#last === turn) this.#last = null;
    });
    this.#last = turn;
  }
}
