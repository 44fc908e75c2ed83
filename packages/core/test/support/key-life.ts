/** An envelope whose key service a test has in hand, and the clock that it goes by. */
import { type FakeClock, fakeClock } from '@waxseal/testing'
import {
  createEnvelope,
  type Envelope,
  type EnvelopeOptions,
  WaxsealError,
  type WaxsealErrorCode,
} from '../../src/index.ts'
import { type CountingKeyring, countingKeyring, nextTurn } from './keyrings.ts'

export const context: Record<string, string> = { id: '1' }
export const DENIED = 'ERR_WAXSEAL_KEY_DENIED'
export const UNAVAILABLE = 'ERR_WAXSEAL_KEY_UNAVAILABLE'

export const fault = (code: WaxsealErrorCode): WaxsealError => new WaxsealError(code, 'on demand')

export function setup(options: Partial<EnvelopeOptions> = {}): {
  keyring: CountingKeyring
  clock: FakeClock
  envelope: Envelope
  another: (more?: Partial<EnvelopeOptions>) => Envelope
} {
  const keyring = countingKeyring()
  const clock = fakeClock()
  const open = (more: Partial<EnvelopeOptions> = {}): Envelope =>
    createEnvelope({ keyring, clock, encryptionContext: { app: 'test' }, ...options, ...more })
  return { keyring, clock, envelope: open(), another: open }
}

/** Lets calls in the background end. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await nextTurn()
}

/** Records under that many data keys, each made by an envelope of its own. */
export async function recordsOf(count: number, another: () => Envelope): Promise<Uint8Array[]> {
  return Promise.all(Array.from({ length: count }, () => another().seal('x', context)))
}

/** A promise that a test ends when it likes. */
export function resolvable(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
