/** Counters since the envelope was created, shared by every envelope that `with` derived from it. */
export interface EnvelopeStats {
  /** Records sealed, by envelopes and sealers. */
  readonly seals: number
  /** Records opened. */
  readonly opens: number
  /** Calls to seal or open that ended in an error. */
  readonly failures: number
  /** Seals and opens that found their data key in the cache. */
  readonly cacheHits: number
  /** Seals and opens that had to ask the keyring, or wait for a call under way. */
  readonly cacheMisses: number
  /** Calls of the keyring that gave a new data key. */
  readonly dataKeysGenerated: number
  /** Calls of the keyring that unwrapped a data key. */
  readonly dataKeysUnwrapped: number
  /** Calls of the keyring that only asked whether a key-encryption key is still ours to use, and learned that it is. */
  readonly probes: number
  /** Data keys that were wrapped anew by `rewrap`. */
  readonly dataKeysRewrapped: number
  /** Calls of the keyring that failed, those in the background included. */
  readonly keyringFailures: number
}

export type Counters = { -readonly [Name in keyof EnvelopeStats]: EnvelopeStats[Name] }

export function newCounters(): Counters {
  return {
    seals: 0,
    opens: 0,
    failures: 0,
    cacheHits: 0,
    cacheMisses: 0,
    dataKeysGenerated: 0,
    dataKeysUnwrapped: 0,
    probes: 0,
    dataKeysRewrapped: 0,
    keyringFailures: 0,
  }
}
