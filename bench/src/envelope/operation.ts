/** One call to be timed; `i` picks the record context. */
export type Operation = (i: number) => unknown
