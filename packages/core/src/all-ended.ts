/**
 * As `Promise.all`, but all have ended before one failure is passed on: for calls that read bytes which the caller wipes
 * when it learns of the failure.
 */
export async function allEnded<Result>(calls: readonly Promise<Result>[]): Promise<Result[]> {
  const outcomes = await Promise.allSettled(calls)
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}
