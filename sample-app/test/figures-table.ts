/** The figures of a table on the operator's page, by name: of the last seconds, and since the start. */
export function figuresTable(html: string): Record<string, string[]> {
  const rows = html.matchAll(/<th scope="row">([^<]*)<\/th>\s*<td[^>]*>([^<]*)<\/td>\s*<td[^>]*>([^<]*)<\/td>/g);
  return Object.fromEntries(Array.from(rows, ([, name, now, total]) => [name, [now, total]])) as Record<
    string,
    string[]
  >;
}
