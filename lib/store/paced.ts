/** Rests after each row that was removed, and after each batch at least, in milliseconds. */
const REST_PER_ROW = 0.2;
const SHORTEST_REST = 2;

/**
 * The same batches of removed rows, and time for the requests of others after each: at most 5,000 rows a second. Whoever
 * cleans up has all the time in the world, and requests wait for the same disk.
 */
export async function* paced<Row>(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  for await (const batch of batches) {
    yield batch;
    const rest = Math.max(SHORTEST_REST, batch.length * REST_PER_ROW);
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
}
