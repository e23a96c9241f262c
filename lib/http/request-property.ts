import { IncomingMessage } from 'node:http';

/** A property of requests, such as `request.session`, that this library answers for where no other library does. */
export class RequestProperty {
  /** As it stands on requests, or on what they inherit from. */
  readonly accessor: Required<Pick<PropertyDescriptor, 'configurable' | 'enumerable' | 'get' | 'set'>>;
  readonly #name: string;
  /** What requests inherit it from. */
  readonly #prototypes = new WeakSet<object>();

  /** @param set what becomes of a value that is assigned; anything but `true`, and the request has it from then on */
  constructor(name: string, get: (request: object) => unknown, set: (request: object, value: unknown) => boolean) {
    this.#name = name;
    this.accessor = {
      configurable: true,
      enumerable: true,
      get(this: object) {
        return get(this);
      },
      set(this: object, value: unknown) {
        if (set(this, value)) return;
        Object.defineProperty(this, name, { configurable: true, enumerable: true, writable: true, value });
      },
    };
  }

  /**
   * Puts it on a request, unless another library has put something there, which is left alone. Returns whether it is ours.
   *
   * It is put on the prototype that the requests of a framework share: one of its own would cost each request its hidden
   * class (docs/decisions/0014).
   *
   * @param raw Node's own request, which a framework's may be or not
   */
  exposeOn(request: object, raw: object): boolean {
    const prototype = Object.getPrototypeOf(request) as object;
    if (this.#prototypes.has(prototype) && !Object.hasOwn(request, this.#name)) return true;
    // Node's own prototype is that of all servers in the process.
    const isShared = prototype !== IncomingMessage.prototype && raw instanceof IncomingMessage;
    const found = descriptorOf(request, this.#name);
    if (found !== undefined && found.get !== this.accessor.get) return false;
    if (found === undefined) Object.defineProperty(isShared ? prototype : request, this.#name, this.accessor);
    if (isShared && !Object.hasOwn(request, this.#name)) this.#prototypes.add(prototype);
    return true;
  }
}

function descriptorOf(object: object, name: string): PropertyDescriptor | undefined {
  for (let holder: object | null = object; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    const found = Object.getOwnPropertyDescriptor(holder, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
