/** Something that `beforeAll` makes, for a test. */
export function whileTesting<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('This is there only while a test runs: `beforeAll` makes it.');
  return thing;
}
