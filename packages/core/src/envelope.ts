import { type Clock, systemClock } from './clock.ts'
import { checkEncryptionContext, encodeContext, type RecordContext } from './context.ts'
import { DataKeys } from './data-keys.ts'
import { WaxsealTypeError } from './errors.ts'
import { inspectRecord, type RecordInfo } from './inspect.ts'
import type { EncryptionContext, Keyring } from './keyring.ts'
import { KeyringCalls } from './keyring-calls.ts'
import { Operation } from './operation.ts'
import { fromBytesOrText, fromJson, type Plaintext, toJson, toText } from './plaintext.ts'
import { type ContentName, malformed, parseRecord, replaceWrappedKeys } from './record.ts'
import { createScope, type Scope } from './scope.ts'
import { openRecord, sealRecord } from './seal-record.ts'
import { createSealer, type Sealer } from './sealer.ts'
import { selfTest } from './self-test.ts'
import { type Counters, type EnvelopeStats, newCounters } from './stats.ts'
import { recordBytes } from './text-form.ts'
import { openVersion1, sealVersion1 } from './version1/envelope.ts'
import type { EncryptionResult } from './version1/types.ts'

export interface EnvelopeOptions {
  readonly keyring: Keyring
  /** At least one entry; no value with `@`. The key service sees it, and so does its audit log. */
  readonly encryptionContext: EncryptionContext
  /** How long one data key seals, in seconds; default 86,400. Opening does not depend on it. */
  readonly dataKeyMaxAgeSeconds?: number
  /**
   * How often the keyring is asked whether a key-encryption key is still ours to use, in seconds; default 300. A key that
   * is disabled or taken away ends all access through it this much later at the most, if the key service can be asked.
   */
  readonly revalidateSeconds?: number
  /**
   * How long data keys stay good after the last such answer while the key service cannot be asked, in seconds; default
   * 900; 0: not beyond `revalidateSeconds`. An outage does not outlast this; a revocation during one may.
   */
  readonly staleIfErrorSeconds?: number
  /** Default `true`. `false`: one data key per record, so one call of the keyring for each seal and each open. */
  readonly cache?: boolean
  /** Default {@link systemClock}. */
  readonly clock?: Clock
}

/**
 * Seals and opens records under a keyring. A record opens only with the encryption context and the record context that
 * it was sealed with. All methods that take or return bytes copy: no caller shares memory with an envelope.
 *
 * Errors of the `seal` methods, `prepare` and the `open` methods: {@link WaxsealTypeError} for misuse, and what the
 * keyring raises, `ERR_WAXSEAL_KEY_DENIED` and `ERR_WAXSEAL_KEY_UNAVAILABLE` (retryable) first of all.
 */
export interface Envelope {
  /** Bytes, or a string that `openText` gives back. At most 1 MiB as a record. */
  seal(plaintext: Uint8Array | string, recordContext: RecordContext): Promise<Uint8Array>
  /** A value as `JSON.stringify` sees it. What JSON cannot express is a {@link WaxsealTypeError} before any call. */
  sealJson(value: unknown, recordContext: RecordContext): Promise<Uint8Array>
  /**
   * The plaintext bytes of any record; a string is taken as the text form `ws2.…`.
   *
   * Raises `ERR_WAXSEAL_INTEGRITY` for a wrong key, a wrong context or altered bytes, not told apart;
   * `ERR_WAXSEAL_KEY_MISMATCH` when the keyring lists none of its keys; `ERR_WAXSEAL_RECORD_MALFORMED`,
   * `_UNSUPPORTED_VERSION`, `_UNSUPPORTED_SUITE` and `_LEGACY_REFUSED` for what is no such record.
   */
  open(record: Uint8Array | string, recordContext: RecordContext): Promise<Uint8Array>
  /** The text of a record that `seal` made of a string; another content is `ERR_WAXSEAL_RECORD_MALFORMED`. */
  openText(record: Uint8Array | string, recordContext: RecordContext): Promise<string>
  /** The value of a record that `sealJson` made; another content is `ERR_WAXSEAL_RECORD_MALFORMED`. `T` is not checked. */
  openJson<T = unknown>(record: Uint8Array | string, recordContext: RecordContext): Promise<T>
  /**
   * An envelope with more names in its encryption context, a tenant for instance. It shares keyring, caches and
   * counters. A name that is there already must have the same value, else {@link WaxsealTypeError}.
   */
  with(encryptionContext: EncryptionContext): Envelope
  /** Fetches the data key now, for sealing without waiting later. The key is usable until released, whatever its age. */
  prepare(): Promise<Sealer>
  /**
   * The same record with its data key wrapped by the keys that the keyring wraps with today: for moving records to
   * another key-encryption key. Asks the key service each time, and never touches the payload, which it does not verify;
   * whoever knows the data key still can open the record, so after a leak of one it is no remedy.
   */
  rewrap(record: Uint8Array | string): Promise<Uint8Array>
  /**
   * An item of version 1, under a data key of its own: only for a time in which older code must read what this writes.
   * It is bound to no place. {@link WaxsealTypeError} unless the keyring is one of AWS KMS.
   */
  sealVersion1(plaintext: Uint8Array | string): Promise<EncryptionResult>
  /**
   * The plaintext of an item of version 1. Whoever can write the store can have put another item of version 1 in its
   * place: accept it only where one may still be. Errors as `open` has them.
   */
  openVersion1(encrypted: EncryptionResult): Promise<Uint8Array>
  /** A snapshot of the counters. */
  stats(): EnvelopeStats
  /** What a record says of itself, without any key. */
  inspect(record: Uint8Array | string): RecordInfo
  /**
   * Forgets every data key; sealing and opening afterwards is a {@link WaxsealTypeError}, also on every envelope derived
   * by `with`. On such a derived envelope it ends that one alone. Sealers stay usable until released. Idempotent.
   */
  dispose(): void
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Creates an envelope. Does no I/O.
 *
 * @throws WaxsealTypeError for an option that cannot work; WaxsealError `ERR_WAXSEAL_CONFIG` when the cryptography of
 *   this Node.js fails a self-test.
 * @example
 * const envelope = createEnvelope({ keyring: localKeyring(process.env.WAXSEAL_KEYS), encryptionContext: { app: 'shop' } })
 * const record = await envelope.sealJson({ total: 5 }, { table: 'carts', id: '42' })
 * const cart = await envelope.openJson(record, { table: 'carts', id: '42' })
 */
export function createEnvelope(options: EnvelopeOptions): Envelope {
  const { keyring, cache = true, clock = systemClock } = options
  if (typeof keyring?.generateDataKey !== 'function' || typeof keyring.unwrapDataKey !== 'function') {
    throw misuse('createEnvelope needs a keyring')
  }
  const { dataKeyMaxAgeSeconds = 86_400, revalidateSeconds = 300, staleIfErrorSeconds = 900 } = options
  const maxAgeMs = milliseconds('dataKeyMaxAgeSeconds', dataKeyMaxAgeSeconds)
  const revalidateMs = milliseconds('revalidateSeconds', revalidateSeconds)
  const staleIfErrorMs = staleIfErrorSeconds === 0 ? 0 : milliseconds('staleIfErrorSeconds', staleIfErrorSeconds)
  selfTest()
  const counters = newCounters()
  const calls = new KeyringCalls(keyring, clock, counters)
  const keys = new DataKeys({ calls, maxAgeMs, revalidateMs, staleIfErrorMs, cache, clock })
  return new KeyedEnvelope({ keys, calls, cache, clock, counters }, createScope(options.encryptionContext), undefined)
}

/** What an envelope shares with those derived from it. */
interface Shared {
  readonly keys: DataKeys
  readonly calls: KeyringCalls
  readonly cache: boolean
  readonly clock: Clock
  readonly counters: Counters
}

class KeyedEnvelope implements Envelope {
  readonly #shared: Shared
  readonly #scope: Scope
  readonly #parent: KeyedEnvelope | undefined
  #disposed = false

  constructor(shared: Shared, scope: Scope, parent: KeyedEnvelope | undefined) {
    this.#shared = shared
    this.#scope = scope
    this.#parent = parent
  }

  seal(plaintext: Uint8Array | string, recordContext: RecordContext): Promise<Uint8Array> {
    return this.#seal(() => fromBytesOrText(plaintext), recordContext)
  }

  sealJson(value: unknown, recordContext: RecordContext): Promise<Uint8Array> {
    return this.#seal(() => fromJson(value), recordContext)
  }

  open(record: Uint8Array | string, recordContext: RecordContext): Promise<Uint8Array> {
    return this.#open(record, recordContext, undefined, (bytes) => bytes)
  }

  openText(record: Uint8Array | string, recordContext: RecordContext): Promise<string> {
    return this.#open(record, recordContext, 'text', toText)
  }

  openJson<T = unknown>(record: Uint8Array | string, recordContext: RecordContext): Promise<T> {
    return this.#open(record, recordContext, 'json', (bytes) => toJson(bytes) as T)
  }

  with(encryptionContext: EncryptionContext): Envelope {
    this.#assertUsable()
    const added = checkEncryptionContext(encryptionContext)
    const present = this.#scope.encryptionContext
    for (const name of Object.keys(added)) {
      if (Object.hasOwn(present, name) && present[name] !== added[name]) {
        throw misuse('with() cannot give another value to a name that the encryption context already has')
      }
    }
    return new KeyedEnvelope(this.#shared, createScope({ ...present, ...added }), this)
  }

  async prepare(): Promise<Sealer> {
    this.#assertUsable()
    const { keys, cache, clock, counters } = this.#shared
    const scope = this.#scope
    const sealKey = keys.cachedSealKey(scope) ?? (await keys.fetchSealKey(scope))
    return createSealer({ sealKey, scope, clock, counters, once: !cache })
  }

  async rewrap(record: Uint8Array | string): Promise<Uint8Array> {
    this.#assertUsable()
    // The caller may change its bytes while we wait.
    const parsed = parseRecord(new Uint8Array(recordBytes(record)))
    return replaceWrappedKeys(parsed, await this.#shared.calls.rewrap(this.#scope, parsed.wrappedKeys))
  }

  async sealVersion1(plaintext: Uint8Array | string): Promise<EncryptionResult> {
    this.#assertUsable()
    return sealVersion1(this.#shared, plaintext)
  }

  async openVersion1(encrypted: EncryptionResult): Promise<Uint8Array> {
    this.#assertUsable()
    return openVersion1(this.#shared, encrypted)
  }

  stats(): EnvelopeStats {
    return { ...this.#shared.counters }
  }

  inspect(record: Uint8Array | string): RecordInfo {
    return inspectRecord(record)
  }

  dispose(): void {
    this.#disposed = true
    if (this.#parent === undefined) this.#shared.keys.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }

  async #seal(toPlaintext: () => Plaintext, recordContext: RecordContext): Promise<Uint8Array> {
    const { keys, clock, counters } = this.#shared
    const operation = new Operation('seal', this.#scope, clock, counters)
    let plaintext: Plaintext | undefined
    try {
      this.#assertUsable()
      const context = encodeContext(recordContext)
      operation.context = context
      plaintext = toPlaintext()
      let sealKey = keys.cachedSealKey(this.#scope)
      if (sealKey === undefined) {
        operation.missed()
        // The caller may change its bytes while we wait.
        if (!plaintext.owned) plaintext = { ...plaintext, bytes: new Uint8Array(plaintext.bytes), owned: true }
        sealKey = await keys.fetchSealKey(this.#scope)
      }
      const record = sealRecord(sealKey, plaintext.content, context, plaintext.bytes)
      operation.succeeded(record.length)
      return record
    } catch (error) {
      operation.failed(error)
      throw error
    } finally {
      if (plaintext?.owned) plaintext.bytes.fill(0)
    }
  }

  async #open<Result>(
    record: Uint8Array | string,
    recordContext: RecordContext,
    content: ContentName | undefined,
    decode: (bytes: Uint8Array) => Result,
  ): Promise<Result> {
    const { keys, clock, counters } = this.#shared
    const operation = new Operation('open', this.#scope, clock, counters)
    try {
      this.#assertUsable()
      const context = encodeContext(recordContext)
      operation.context = context
      let parsed = parseRecord(recordBytes(record))
      if (content !== undefined && parsed.content !== content) throw malformed('it holds another kind of content')
      let key = keys.cachedOpenKey(this.#scope, parsed.wrappedKeys)
      if (key === undefined) {
        operation.missed()
        // The caller may change its bytes while we wait.
        parsed = parseRecord(new Uint8Array(parsed.bytes))
        key = await keys.fetchOpenKey(this.#scope, parsed.wrappedKeys)
      }
      const result = decode(openRecord(key, parsed, context))
      operation.succeeded(parsed.bytes.length)
      return result
    } catch (error) {
      operation.failed(error)
      throw error
    }
  }

  #assertUsable(): void {
    for (let envelope: KeyedEnvelope | undefined = this; envelope !== undefined; envelope = envelope.#parent) {
      if (envelope.#disposed) throw misuse('this envelope has been disposed')
    }
  }
}

function milliseconds(name: string, seconds: number): number {
  if (seconds > 0 && Number.isFinite(seconds)) return seconds * 1000
  throw misuse(`${name} must be a positive number`)
}

function misuse(message: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${message}`)
}
