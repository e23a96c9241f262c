/** What an operation gave, or the error with which it failed. */
export type Outcome<Value> =
  | { readonly value: Value; readonly error?: never }
  | { readonly error: Error & { readonly code?: unknown }; readonly value?: never };

export async function outcomeOf<Value>(operation: () => Value | Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { value: await operation() };
  } catch (error) {
    if (error instanceof Error) return { error };
    throw new Error('Something was thrown that is no error.', { cause: error });
  }
}
