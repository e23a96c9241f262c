import type { Request } from 'express';

const HERE = 'http://here.invalid';

/** A path of this site, as a browser understands it; `/` for anything that would lead elsewhere. */
export function localPath(text: string): string {
  if (!text.startsWith('/') || !URL.canParse(text, HERE)) return '/';
  const { origin, pathname, search } = new URL(text, HERE);
  // Browsers drop tabs, turn backslashes and resolve dots, so that `/\t/evil` and `/.//evil` mean `//evil`.
  return origin === HERE && !pathname.startsWith('//') ? pathname + search : '/';
}

/** The page of this site whose form was sent; `null` where the browser does not say. */
export function pageBefore(request: Request): string | null {
  const page = URL.parse(request.get('referer') ?? '');
  return page !== null && page.host === request.get('host') ? localPath(page.pathname + page.search) : null;
}
