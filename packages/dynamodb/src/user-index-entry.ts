import { randomInt } from 'node:crypto'

/** One row in the index of a user, as the set holds it: the row's key, when the entry was added, and a random part. */
export interface IndexEntry {
  readonly text: string
  readonly key: string
  /** Milliseconds since the epoch. */
  readonly addedAt: number
}

const layout = /^([\w-]{43})\.([0-9a-z]{1,10})\.[0-9a-z]{1,6}$/

/** No two are the same: what one write finds of its own entry must not be another's. */
export function writeEntry(key: string, now: number): string {
  return `${key}.${Math.floor(now).toString(36)}.${randomInt(36 ** 6).toString(36)}`
}

/** The entries of our layout: whoever can write the table can put anything into the set. */
export function readEntries(texts: readonly string[]): IndexEntry[] {
  return texts.flatMap((text) => {
    const [, key, time] = layout.exec(text) ?? []
    return key === undefined || time === undefined ? [] : [{ text, key, addedAt: Number.parseInt(time, 36) }]
  })
}
