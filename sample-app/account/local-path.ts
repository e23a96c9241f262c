const HERE = 'http://here.invalid';

/** A path of this site, as a browser understands it; `/` for anything that would lead elsewhere. */
export function localPath(text: string): string {
  if (!text.startsWith('/') || !URL.canParse(text, HERE)) return '/';
  const { origin, pathname, search } = new URL(text, HERE);
  // Browsers drop tabs, turn backslashes and resolve dots, so that `/\t/evil` and `/.//evil` mean `//evil`.
  return origin === HERE && !pathname.startsWith('//') ? pathname + search : '/';
}
