import { CookieJar } from 'tough-cookie';
import { watch } from './leak-watch.js';

/** A visitor who clicks through the sample shop: follows redirects, and presses only buttons that are there. */
export class ShopBrowser {
  path = '';
  status = 0;
  html = '';
  userAgent = 'a test';
  readonly #jar: CookieJar;
  readonly #url: string;

  constructor(url: string, jar = new CookieJar()) {
    this.#url = url;
    this.#jar = jar;
  }

  /** Another tab of the same browser, maybe in front of another process. */
  tab(url = this.#url): ShopBrowser {
    return new ShopBrowser(url, this.#jar);
  }

  /** Somebody who has all its cookies, as they are now. */
  copy(): ShopBrowser {
    return new ShopBrowser(this.#url, this.#jar.cloneSync());
  }

  async open(path: string): Promise<this> {
    return this.#send('GET', path);
  }

  async submit(path: string, fields: Record<string, string> = {}): Promise<this> {
    return this.#send('POST', path, new URLSearchParams(fields));
  }

  async press(label: string, fields: Record<string, string> = {}): Promise<this> {
    for (const [, action, content = ''] of this.html.matchAll(/<form[^>]* action="([^"]*)"[^>]*>(.*?)<\/form>/gs)) {
      const text = content.replaceAll(/\s*(<\/?button|>)\s*/g, '$1');
      if (!text.includes(`>${label}</button>`) && !content.includes(`aria-label="${label}"`)) continue;
      const hidden = content.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
      const known = Object.fromEntries(Array.from(hidden, ([, name, value]) => [name, value])) as Record<
        string,
        string
      >;
      return this.submit(action as string, { ...known, ...fields });
    }
    throw new Error(`There is no button "${label}" on ${this.path}.`);
  }

  async signIn(user: string, password: string, fields: Record<string, string> = {}): Promise<this> {
    await this.open('/login');
    return this.press('Sign in', { user, password, ...fields });
  }

  /** The flash messages on the page, as `category: text`. */
  get flashes(): string[] {
    return Array.from(
      this.html.matchAll(/<p class="flash (\w+)" role="status">(.*?)<\/p>/gs),
      ([, category, text]) => `${category}: ${text?.trim()}`,
    );
  }

  /** The texts of the menu, without the name of the shop. */
  get menu(): string[] {
    const [, menu = ''] = /<nav[^>]*>(.*?)<\/nav>/s.exec(this.html) ?? [];
    return Array.from(menu.matchAll(/<(a|button)[^>]*>(.*?)<\/\1>/gs), ([, , text]) =>
      (text as string)
        .replaceAll(/<[^>]*>/g, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    ).slice(1);
  }

  /** What is in the cart, as on its page. */
  async cart(): Promise<{ lines: string[]; total: string | undefined }> {
    await this.open('/cart');
    const rows = this.html.matchAll(/name="quantity"[^>]*? value="(\d+)" aria-label="Quantity of ([^"]*)"/g);
    const total = /<dd class="total">(.*?)<\/dd>/.exec(this.html)?.[1];
    return { lines: Array.from(rows, ([, quantity, name]) => `${quantity} × ${name}`), total };
  }

  /** The ids of the other devices, as the links that end them say. */
  get otherDevices(): string[] {
    return Array.from(this.html.matchAll(/action="\/devices\/([^/"]+)\/sign-out"/g), ([, id]) => id as string);
  }

  async #send(method: string, path: string, body?: URLSearchParams): Promise<this> {
    const cookie = await this.#jar.getCookieString(this.#url);
    const response = await fetch(this.#url + path, {
      method,
      redirect: 'manual',
      headers: { cookie, 'user-agent': this.userAgent },
      ...(body && { body }),
    });
    const lines = response.headers.getSetCookie();
    watch.issued(lines.join('\n'));
    for (const line of lines) await this.#jar.setCookie(line, this.#url);
    this.path = path;
    this.status = response.status;
    this.html = await response.text();
    const location = response.headers.get('location');
    if (location === null) return this;
    if (!/^\/(?![/\\])/.test(location)) throw new Error(`Redirected to another site: ${location}`);
    return this.#send('GET', location);
  }
}
