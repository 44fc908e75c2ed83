import {
  type GeneratedDataKey,
  generateKey,
  type Keyring,
  localKeyring,
  type UnwrappedDataKey,
} from '../../src/index.ts'

/** A keyring that counts its calls, can be told to fail, and answers only after a turn of the event loop. */
export interface CountingKeyring extends Keyring {
  generated: number
  unwrapped: number
  /** Raised by the next calls while it is set. */
  failure: Error | undefined
  /** Raised by the next calls that would generate, while it is set. */
  refusal: Error | undefined
  /** Raised by the next calls that would unwrap, while it is set. */
  unwrapFailure: Error | undefined
  /** What calls that begin while it is set wait for. */
  pause: Promise<void> | undefined
  /** The buffers of plaintext keys that it handed out. */
  readonly handedOut: Uint8Array[]
}

export function countingKeyring(inner: Keyring = localKeyring(generateKey())): CountingKeyring {
  const keyring: CountingKeyring = {
    generated: 0,
    unwrapped: 0,
    failure: undefined,
    refusal: undefined,
    unwrapFailure: undefined,
    pause: undefined,
    handedOut: [],
    async generateDataKey(context): Promise<GeneratedDataKey> {
      keyring.generated++
      await (keyring.pause ?? nextTurn())
      const failure = keyring.failure ?? keyring.refusal
      if (failure !== undefined) throw failure
      const dataKey = await inner.generateDataKey(context)
      keyring.handedOut.push(dataKey.plaintextKey)
      return dataKey
    },
    wrapDataKey: (plaintextKey, context) => inner.wrapDataKey(plaintextKey, context),
    async unwrapDataKey(wrappedKeys, context): Promise<UnwrappedDataKey> {
      keyring.unwrapped++
      await (keyring.pause ?? nextTurn())
      const failure = keyring.failure ?? keyring.unwrapFailure
      if (failure !== undefined) throw failure
      const unwrapped = await inner.unwrapDataKey(wrappedKeys, context)
      keyring.handedOut.push(unwrapped.plaintextKey)
      return unwrapped
    },
  }
  return keyring
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
