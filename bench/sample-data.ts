/** What every session holds: about 1 KB of JSON, as a shop would keep it. */
export interface SampleData {
  readonly profile: { readonly name: string; readonly email: string; readonly locale: string };
  readonly cart: {
    readonly items: readonly { readonly sku: string; readonly title: string; readonly price: number }[];
  };
  readonly preferences: Readonly<Record<string, boolean | string>>;
  readonly recent: readonly string[];
  count: number;
}

/** What `GET /read` answers. */
export interface Reading {
  readonly name: string;
  readonly items: number;
  readonly count: number;
}

/** What `POST /count` answers. */
export interface Counting {
  readonly count: number;
}

export function sampleData(): SampleData {
  return {
    profile: { name: 'Ada Lovelace', email: 'ada.lovelace@example.com', locale: 'en-GB' },
    cart: {
      items: Array.from({ length: 6 }, (_, index) => ({
        sku: `SKU-${1000 + index}`,
        title: `A book about the analytical engine, volume ${index + 1}`,
        price: 19.5 + index,
      })),
    },
    preferences: { theme: 'dark', currency: 'EUR', newsletter: false, compact: true, timezone: 'Europe/London' },
    recent: Array.from({ length: 8 }, (_, index) => `/products/analytical-engine/volume-${index + 1}`),
    count: 0,
  };
}

/** What a session takes as JSON. */
export const SESSION_BYTES = JSON.stringify(sampleData()).length;

/** What a handler reads out of a session. */
export function readingOf({ profile, cart, count }: Pick<SampleData, 'profile' | 'cart' | 'count'>): Reading {
  return { name: profile.name, items: cart.items.length, count };
}

/** One of a thousand users. */
export function randomUserId(): string {
  return `user-${Math.floor(Math.random() * 1_000)}`;
}
