import { verdict } from './verdict.ts'

/**
 * As `Promise.all`, but all have ended before a failure is passed on: for calls that read bytes which the caller wipes
 * when it learns of the failure. What several failures come to does not depend on their order.
 */
export async function allEnded<Result>(calls: readonly Promise<Result>[]): Promise<Result[]> {
  const outcomes = await Promise.allSettled(calls)
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (failures.length > 0) throw verdict(failures)
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
}
