/** How much of a name is shown, in characters: all of a path down to where nesting ends, as a rule. */
const MOST = 400;

/** A key or a path as a message shows it: cut, as a client may have made it as long as a request can be. */
export function shown(name: string): string {
  return name.length > MOST ? `${name.slice(0, MOST).toWellFormed()}…` : name;
}
