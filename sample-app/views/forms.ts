/** A field of a form that somebody sent; empty unless it is a text. */
export function fieldOf(form: unknown, name: string): string {
  if (typeof form !== 'object' || form === null || !Object.hasOwn(form, name)) return '';
  const value: unknown = (form as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}
