/** Rests after each row that was removed, and after each batch at least, in milliseconds. */
const REST_PER_ROW = 0.2;
const SHORTEST_REST = 2;

/**
 * The same batches of removed rows, with a rest after each: at most 5,000 rows a second. Removing them is in no hurry, and
 * requests wait for the same disk.
 */
export async function* paced<Row>(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  for await (const batch of batches) {
    yield batch;
    const rest = Math.max(SHORTEST_REST, batch.length * REST_PER_ROW);
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
}
