// Names and texts as a part of a statement: whatever is in them, they are one name, or one text.

/** A role, a schema, a table, a column, as PostgreSQL takes it. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as PostgreSQL takes it, however it is set to take backslashes (`standard_conforming_strings`). */
export function quotedText(text: string): string {
  const literal = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${literal}` : literal;
}
