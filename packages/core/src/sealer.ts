import type { Clock } from './clock.ts'
import { encodeContext, type RecordContext } from './context.ts'
import type { SealKey } from './data-keys.ts'
import { WaxsealTypeError } from './errors.ts'
import { Operation } from './operation.ts'
import { fromBytesOrText, fromJson, type Plaintext } from './plaintext.ts'
import type { Scope } from './scope.ts'
import { sealRecord } from './seal-record.ts'
import type { Counters } from './stats.ts'

/**
 * Seals without waiting, with a data key that is already there. Take one before something that cannot be repeated, a
 * call that consumes a token for instance: what comes back can then be sealed even if the key service is down by then.
 * Of an envelope with `cache: false`, where every record has its own data key, a sealer seals one record.
 */
export interface Sealer {
  /** Like {@link Envelope.seal}, at once. */
  seal(plaintext: Uint8Array | string, recordContext: RecordContext): Uint8Array
  /** Like {@link Envelope.sealJson}, at once. */
  sealJson(value: unknown, recordContext: RecordContext): Uint8Array
  /** Gives the key up; sealing afterwards is a {@link WaxsealTypeError}. Idempotent. */
  release(): void
  [Symbol.dispose](): void
}

export interface SealerOptions {
  readonly sealKey: SealKey
  readonly scope: Scope
  readonly clock: Clock
  readonly counters: Counters
  /** Whether it seals one record only. */
  readonly once: boolean
}

export function createSealer({ sealKey, scope, clock, counters, once }: SealerOptions): Sealer {
  let held: SealKey | undefined = sealKey
  const release = (): void => {
    held = undefined
  }
  const sealWith = (toPlaintext: () => Plaintext, recordContext: RecordContext): Uint8Array => {
    const operation = new Operation('seal', scope, clock, counters)
    let plaintext: Plaintext | undefined
    try {
      if (held === undefined)
        throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'Waxseal: this sealer has been released')
      const context = encodeContext(recordContext)
      operation.context = context
      plaintext = toPlaintext()
      const record = sealRecord(held, plaintext.content, context, plaintext.bytes)
      if (once) release()
      operation.succeeded(record.length)
      return record
    } catch (error) {
      operation.failed(error)
      throw error
    } finally {
      if (plaintext?.owned) plaintext.bytes.fill(0)
    }
  }
  return {
    seal: (plaintext, recordContext) => sealWith(() => fromBytesOrText(plaintext), recordContext),
    sealJson: (value, recordContext) => sealWith(() => fromJson(value), recordContext),
    release,
    [Symbol.dispose]: release,
  }
}
