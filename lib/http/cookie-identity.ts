/** What makes a cookie the same one to browsers; a second with the same identity takes the place of the first. */
export interface CookieIdentity {
  readonly name: string;
  readonly path: string;
  /** `undefined`: for the host alone that set it, which is another cookie than one for that host as a domain. */
  readonly domain: string | undefined;
  readonly partitioned: boolean;
}

/**
 * Which cookie a Set-Cookie line sets, as browsers read it (RFC 6265, 5.2 and 5.3; RFC 6265bis on hosts; CHIPS).
 *
 * @param url that of the request, which gives the path where the line names none
 */
export function identityOf(line: string, url: string): CookieIdentity {
  const [pair = '', ...attributes] = line.split(';');
  // Of an attribute that is there twice, the last counts.
  const given = new Map(attributes.map(nameAndValue).map(([key, value]) => [key.toLowerCase(), value]));
  const path = given.get('path') ?? '';
  return {
    name: nameAndValue(pair)[0],
    path: path.startsWith('/') ? path : defaultPath(url),
    domain: given.get('domain'),
    partitioned: given.has('partitioned'),
  };
}

/** Whether the cookies are the same to browsers. */
export function isSameCookie(one: CookieIdentity, other: CookieIdentity): boolean {
  return (
    one.name === other.name &&
    one.path === other.path &&
    one.partitioned === other.partitioned &&
    canonicalDomain(one) === canonicalDomain(other)
  );
}

function canonicalDomain({ domain = '' }: CookieIdentity): string {
  return domain.replace(/^\./, '').toLowerCase();
}

function nameAndValue(pair: string): [string, string] {
  const end = pair.search(/=|$/);
  return [trimmed(pair.slice(0, end)), trimmed(pair.slice(end + 1))];
}

/** The folder of the URL that was asked for (RFC 6265, 5.1.4). */
function defaultPath(url: string): string {
  const path = url.replace(/^[a-z][\d+.a-z-]*:\/\/[^#/?]*/i, '').replace(/[#?].*$/s, '');
  return path.startsWith('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '/';
}

/**
 * Without the spaces and tabs around it; other white space is part of a name (RFC 6265bis, 5.6). Not by a regular expression,
 * which takes 0.2 s for 16 KB of blanks.
 */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
