/** The calls of a keyring: each one reported and counted, and none failing with anything but errors of ours. */
import type { Clock } from './clock.ts'
import { type KeyringEvent, kmsChannel, outcome } from './diagnostics.ts'
import { WaxsealError, WaxsealTypeError } from './errors.ts'
import type { GeneratedDataKey, Keyring, UnwrappedDataKey, Version1DataKeys, WrappedKey } from './keyring.ts'
import type { Scope } from './scope.ts'
import type { Counters } from './stats.ts'

export class KeyringCalls {
  readonly #keyring: Keyring
  readonly #clock: Clock
  readonly #counters: Counters

  constructor(keyring: Keyring, clock: Clock, counters: Counters) {
    this.#keyring = keyring
    this.#clock = clock
    this.#counters = counters
  }

  async generate(scope: Scope, type: 'generate' | 'renew' = 'generate'): Promise<GeneratedDataKey> {
    const { version, encryptionContext } = scope
    const dataKey = await this.#ask(scope, type, () =>
      version === 1 ? this.#version1().generateDataKey() : this.#keyring.generateDataKey(encryptionContext),
    )
    this.#counters.dataKeysGenerated++
    return dataKey
  }

  async unwrap(scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<UnwrappedDataKey> {
    const unwrapped = await this.#ask(scope, 'unwrap', () => this.#unwrap(scope, wrappedKeys))
    this.#counters.dataKeysUnwrapped++
    return unwrapped
  }

  /** Unwraps for no other purpose than to see whether it is allowed. */
  async probe(scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<void> {
    await this.#ask(scope, 'probe', async () => {
      const { plaintextKey } = await this.#unwrap(scope, wrappedKeys)
      plaintextKey.fill(0)
    })
    this.#counters.probes++
  }

  /** The same data key under the keys that wrap today; its plaintext stays in the key service where that can do it. */
  async rewrap(scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<readonly WrappedKey[]> {
    const { encryptionContext } = scope
    const rewrapped = await this.#ask(scope, 'rewrap', async () => {
      const inService = await this.#keyring.rewrapDataKey?.(wrappedKeys, encryptionContext)
      if (inService !== undefined) return inService
      const { plaintextKey } = await this.#keyring.unwrapDataKey(wrappedKeys, encryptionContext)
      try {
        return await this.#keyring.wrapDataKey(plaintextKey, encryptionContext)
      } finally {
        plaintextKey.fill(0)
      }
    })
    this.#counters.dataKeysRewrapped++
    return rewrapped
  }

  async #unwrap({ version, encryptionContext }: Scope, wrappedKeys: readonly WrappedKey[]): Promise<UnwrappedDataKey> {
    if (version === 1) return this.#version1().unwrapDataKey((wrappedKeys[0] as WrappedKey).wrapped)
    return this.#keyring.unwrapDataKey(wrappedKeys, encryptionContext)
  }

  #version1(): Version1DataKeys {
    const { version1 } = this.#keyring
    if (version1 !== undefined) return version1
    throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'Waxseal: version 1 needs a keyring of AWS KMS')
  }

  async #ask<Result>(scope: Scope, type: KeyringEvent['type'], call: () => Promise<Result>): Promise<Result> {
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

function asWaxsealError(error: unknown): Error {
  if (error instanceof WaxsealError) return error
  return new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'Waxseal: the keyring failed', {
    cause: error,
    retryable: true,
  })
}
