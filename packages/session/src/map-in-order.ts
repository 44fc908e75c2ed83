/**
 * What `task` gives for each item, in the order of the items, with at most `limit` tasks under way. While its consumer
 * is busy, no further one begins.
 */
export async function* mapInOrder<T, R>(
  items: Iterable<T>,
  limit: number,
  task: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const pending: Promise<R>[] = []
  for (const item of items) {
    if (pending.length === limit) yield* pending.splice(0, 1)
    const result = task(item)
    // It is awaited in its turn; where the consumer has gone by then, never.
    result.catch(() => {})
    pending.push(result)
  }
  yield* pending
}
