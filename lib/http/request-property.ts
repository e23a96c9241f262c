/** A property of requests, such as `request.session`, that this library answers for where no other library does. */
export class RequestProperty {
  /** As it stands on requests, or on what they inherit from. */
  readonly accessor: Required<Pick<PropertyDescriptor, 'configurable' | 'enumerable' | 'get' | 'set'>>;
  readonly #name: string;

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

  /** Puts it on a request, unless another library has put something there, which is left alone. Returns whether it is ours. */
  exposeOn(request: object): boolean {
    if (this.#name in request) return descriptorOf(request, this.#name)?.get === this.accessor.get;
    Object.defineProperty(request, this.#name, this.accessor);
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
