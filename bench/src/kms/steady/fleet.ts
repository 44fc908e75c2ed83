import { setImmediate as settled } from 'node:timers/promises'
import { createEnvelope, type Envelope, generateKey, type Keyring, localKeyring } from '@waxseal/core'
import { type FakeClock, fakeClock } from '@waxseal/testing'

const place = { table: 'sessions', key: 'any' }

/** A data key as readers meet it: in records. One stands for all of them, since a cache does not tell them apart. */
export interface DataKey {
  readonly record: Uint8Array
  /** From when on it sealed, in seconds since the fleet started. */
  readonly from: number
  /** Until when it did; infinite for those that still do. */
  until: number
}

interface Process {
  readonly envelope: Envelope
  generated: number
  sealsWith: DataKey | undefined
}

/**
 * Processes that seal under one key and that have all started at once, as a deployment starts them: real envelopes with
 * the real cache, under a clock that is set. Of one of them, the reader, the calls of its keyring are counted; the others
 * are there for the data keys that they bring into circulation.
 */
export class Fleet {
  /** Of every process, in the order in which they came up. */
  readonly dataKeys: DataKey[] = []
  /** Calls of the reader's keyring. */
  calls = 0
  readonly #clock: FakeClock = fakeClock(0)
  readonly #processes: Process[]

  constructor(processes: number) {
    const root = localKeyring(generateKey())
    this.#processes = Array.from({ length: processes }, (_, i) => {
      const keyring = i === 0 ? this.#counting(root) : root
      const envelope = createEnvelope({ keyring, encryptionContext: { app: 'bench' }, clock: this.#clock })
      return { envelope, generated: 0, sealsWith: undefined }
    })
  }

  get now(): number {
    return this.#clock.monotonicNow() / 1000
  }

  /** Lets the processes end what they have begun in the background, then time passes. */
  async pass(seconds: number): Promise<void> {
    await settled()
    this.#clock.advanceSeconds(seconds)
  }

  /** Every process seals; a data key that is new then comes into circulation. */
  async seal(): Promise<void> {
    for (const process of this.#processes) {
      // Twice, because these processes are busy in between: after a pause, the first only has the key vouched for again.
      await process.envelope.seal('x', place)
      await process.envelope.seal('x', place)
      await settled()
      const { dataKeysGenerated } = process.envelope.stats()
      if (dataKeysGenerated === process.generated) continue
      process.generated = dataKeysGenerated
      if (process.sealsWith !== undefined) process.sealsWith.until = this.now
      const record = await process.envelope.seal('x', place)
      process.sealsWith = { record, from: this.now, until: Number.POSITIVE_INFINITY }
      this.dataKeys.push(process.sealsWith)
    }
  }

  /** The reader opens a record under this data key. */
  async read({ record }: DataKey): Promise<void> {
    await this.#processes[0]?.envelope.open(record, place)
  }

  #counting(inner: Keyring): Keyring {
    return {
      generateDataKey: (context) => {
        this.calls++
        return inner.generateDataKey(context)
      },
      wrapDataKey: (plaintextKey, context) => {
        this.calls++
        return inner.wrapDataKey(plaintextKey, context)
      },
      unwrapDataKey: (wrappedKeys, context) => {
        this.calls++
        return inner.unwrapDataKey(wrappedKeys, context)
      },
    }
  }
}
