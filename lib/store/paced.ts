/** Between two batches, in milliseconds: whoever cleans up has all the time in the world, and requests have not. */
const PAUSE = 20;

/** The same batches, and time for the requests of others after each. */
export async function* paced<Batch>(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    yield batch;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
