/**
 * The life of data keys: which one seals, which ones open, and when the keyring is asked. Everything here holds for
 * one envelope and those derived from it. Ages are measured on the monotonic clock; there are no timers.
 */
import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { Clock } from './clock.ts'
import { kmsChannel, outcome } from './diagnostics.ts'
import { WaxsealError } from './errors.ts'
import type { EncryptionContext, Keyring } from './keyring.ts'
import { LruMap } from './lru-map.ts'
import { DATA_KEY_BYTES } from './payload.ts'
import { encodeHeader, type ParsedRecord } from './record.ts'
import type { Counters } from './stats.ts'

const SEAL_KEYS = 1_000
const OPEN_KEYS = 10_000
const OPEN_KEY_MAX_AGE_MS = 24 * 60 * 60 * 1000
/** A new key is fetched in the background from this share of the age on … */
const RENEW_AT = 0.8
/** … and, when that failed, not again before this share of the age has passed: a failing service is not stormed. */
const RENEW_AGAIN_AFTER = 0.01

/** Under what data keys are kept: an encryption context and the suite. */
export interface Scope {
  readonly encryptionContext: EncryptionContext
  /** SHA-256 over the length-prefixed encryption context and suite. */
  readonly digest: Buffer
  /** The digest as text, the key of the seal cache. */
  readonly id: string
  /** What events show of it. */
  readonly label: string
}

/** A data key as a sealer needs it. */
export interface SealKey {
  readonly key: KeyObject
  /** The header of every record under this key, its wrapped keys included. */
  readonly header: Uint8Array
}

interface SealEntry extends SealKey {
  readonly createdAt: number
  renewAt: number
}

interface OpenEntry {
  readonly key: KeyObject
  readonly expiresAt: number
}

export interface DataKeysOptions {
  readonly keyring: Keyring
  readonly maxAgeMs: number
  /** Without cache every seal has its own data key and every open asks the keyring. */
  readonly cache: boolean
  readonly clock: Clock
  readonly counters: Counters
}

export class DataKeys {
  readonly #keyring: Keyring
  readonly #maxAgeMs: number
  readonly #cache: boolean
  readonly #clock: Clock
  readonly #counters: Counters
  readonly #sealKeys = new LruMap<SealEntry>(SEAL_KEYS)
  readonly #openKeys = new LruMap<OpenEntry>(OPEN_KEYS)
  readonly #sealFlights = new Map<string, Promise<SealEntry>>()
  readonly #openFlights = new Map<string, Promise<KeyObject>>()
  #disposed = false

  constructor({ keyring, maxAgeMs, cache, clock, counters }: DataKeysOptions) {
    this.#keyring = keyring
    this.#maxAgeMs = maxAgeMs
    this.#cache = cache
    this.#clock = clock
    this.#counters = counters
  }

  /** The cached key to seal with, if there is one young enough; starts its renewal when that is due. */
  cachedSealKey(scope: Scope): SealKey | undefined {
    const entry = this.#sealKeys.get(scope.id)
    if (entry === undefined) return undefined
    const now = this.#clock.monotonicNow()
    if (now >= entry.createdAt + this.#maxAgeMs) {
      this.#sealKeys.delete(scope.id)
      return undefined
    }
    if (now >= entry.renewAt) this.#renew(scope, entry, now)
    return entry
  }

  /** A key to seal with from the keyring; everyone who asks while a call is under way shares its outcome. */
  fetchSealKey(scope: Scope): Promise<SealKey> {
    if (!this.#cache) return this.#generate(scope, 'generate')
    return this.#generateOnce(scope, 'generate')
  }

  /** The cached key that opens a record, if there is one. */
  cachedOpenKey(id: string): KeyObject | undefined {
    const entry = this.#openKeys.get(id)
    if (entry === undefined) return undefined
    if (this.#clock.monotonicNow() < entry.expiresAt) return entry.key
    this.#openKeys.delete(id)
    return undefined
  }

  /** The key that opens a record, from the keyring; shared like {@link fetchSealKey}. */
  fetchOpenKey(id: string, scope: Scope, record: ParsedRecord): Promise<KeyObject> {
    if (!this.#cache) return this.#unwrap(scope, record)
    return once(this.#openFlights, id, async () => {
      const expiresAt = this.#clock.monotonicNow() + OPEN_KEY_MAX_AGE_MS
      const key = await this.#unwrap(scope, record)
      if (!this.#disposed) this.#openKeys.set(id, { key, expiresAt })
      return key
    })
  }

  /** Forgets every key. Calls under way still answer those who wait for them, and leave nothing behind. */
  dispose(): void {
    this.#disposed = true
    this.#sealKeys.clear()
    this.#openKeys.clear()
  }

  #renew(scope: Scope, entry: SealEntry, now: number): void {
    entry.renewAt = now + this.#maxAgeMs * RENEW_AGAIN_AFTER
    // The old key stays in use until its age ends. The failure is not lost: it is counted and on the channel.
    this.#generateOnce(scope, 'renew').catch(() => {})
  }

  #generateOnce(scope: Scope, type: 'generate' | 'renew'): Promise<SealEntry> {
    return once(this.#sealFlights, scope.id, async () => {
      const entry = await this.#generate(scope, type)
      if (!this.#disposed) this.#sealKeys.set(scope.id, entry)
      return entry
    })
  }

  async #generate(scope: Scope, type: 'generate' | 'renew'): Promise<SealEntry> {
    const createdAt = this.#clock.monotonicNow()
    const sealKey = await this.#ask(scope, type, async () => {
      const { plaintextKey, wrappedKeys } = await this.#keyring.generateDataKey(scope.encryptionContext)
      return { key: takeKey(plaintextKey), header: encodeHeader(wrappedKeys) }
    })
    this.#counters.dataKeysGenerated++
    return { ...sealKey, createdAt, renewAt: createdAt + this.#maxAgeMs * RENEW_AT }
  }

  async #unwrap(scope: Scope, record: ParsedRecord): Promise<KeyObject> {
    const key = await this.#ask(scope, 'unwrap', async () =>
      takeKey((await this.#keyring.unwrapDataKey(record.wrappedKeys, scope.encryptionContext)).plaintextKey),
    )
    this.#counters.dataKeysUnwrapped++
    return key
  }

  /** One call of the keyring: reported, counted when it fails, and never failing with anything but our own errors. */
  async #ask<Result>(
    scope: Scope,
    type: 'generate' | 'unwrap' | 'renew',
    call: () => Promise<Result>,
  ): Promise<Result> {
    const startedAt = this.#clock.monotonicNow()
    const report = (error?: unknown): void => {
      if (!kmsChannel.hasSubscribers) return
      const durationMilliseconds = this.#clock.monotonicNow() - startedAt
      kmsChannel.publish({ type, ...outcome(error), encryptionContext: scope.label, durationMilliseconds })
    }
    try {
      const result = await call()
      report()
      return result
    } catch (cause) {
      this.#counters.keyringFailures++
      const error = asWaxsealError(cause)
      report(error)
      throw error
    }
  }
}

/** The name of a data key in the open cache: SHA-256 over scope and wrapped keys, both of unambiguous length. */
export function openKeyId(scope: Scope, record: ParsedRecord): string {
  return hash('sha256', Buffer.concat([scope.digest, record.wrappedKeysBytes]), 'base64')
}

/** Joins a call under way of that name or starts one. A call that failed is forgotten, so that the next one asks anew. */
function once<Result>(
  flights: Map<string, Promise<Result>>,
  id: string,
  start: () => Promise<Result>,
): Promise<Result> {
  const underWay = flights.get(id)
  if (underWay !== undefined) return underWay
  const flight = start().finally(() => flights.delete(id))
  flights.set(id, flight)
  return flight
}

/** Moves key bytes out of reach of JavaScript: into a KeyObject, and zeros over the buffer they came in. */
function takeKey(bytes: Uint8Array): KeyObject {
  try {
    if (bytes.length !== DATA_KEY_BYTES) {
      throw new WaxsealError(
        'ERR_WAXSEAL_INTEGRITY',
        'Waxseal: a keyring returned a data key that is not 32 bytes long',
      )
    }
    return createSecretKey(bytes)
  } finally {
    bytes.fill(0)
  }
}

function asWaxsealError(error: unknown): Error {
  if (error instanceof WaxsealError) return error
  return new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'Waxseal: the keyring failed', {
    cause: error,
    retryable: true,
  })
}
