/** The longest time for which a provider is left alone, in seconds, whatever it asks for. */
export const LONGEST_PAUSE_SECONDS = 3600

/** In seconds: after the first failure, and the most that failures alone lead to. */
const FIRST_PAUSE = 2
const MOST_PAUSE = 600

/**
 * Seconds until the provider is asked again: twice as long after each failure, less up to a half by chance, so that grants which
 * failed together do not come back together; never less than the provider asked for.
 *
 * @param failures in a row, before this one
 */
export function pauseSeconds(failures: number, askedFor = 0): number {
  // The count comes from the table, and whoever can write that could make it negative.
  const pause = Math.min(FIRST_PAUSE * 2 ** Math.max(failures, 0), MOST_PAUSE)
  return Math.min(Math.max(pause * (1 - Math.random() / 2), askedFor), LONGEST_PAUSE_SECONDS)
}
