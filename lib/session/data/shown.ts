/** How much of a name is shown, in characters. */
const MOST = 100;

/** A key or a path as a message shows it: cut, as a client may have made it as long as a request can be. */
export function shown(name: string): string {
  return name.length > MOST ? `${name.slice(0, MOST).toWellFormed()}…` : name;
}
