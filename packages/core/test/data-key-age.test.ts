/** The one limit of a data key is its age: to the millisecond, and for all who cross it at once. */
import { fakeClock } from '@waxseal/testing'
import { describe, expect, it } from 'vitest'
import { createEnvelope, inspectRecord, WaxsealError } from '../src/index.ts'
import { countingKeyring, nextTurn } from './support/keyrings.ts'

const LIMIT_SECONDS = 1000
const MILLISECOND = 0.001
const down = new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'down', { retryable: true })

/** An envelope one millisecond before the limit of its data key; renewal in the background has failed. */
async function oneMillisecondBefore() {
  const keyring = countingKeyring()
  const clock = fakeClock()
  const envelope = createEnvelope({
    keyring,
    clock,
    encryptionContext: { app: 'test' },
    dataKeyMaxAgeSeconds: LIMIT_SECONDS,
  })
  /** The wrapped data keys of so many records, sealed at once. */
  const seal = async (count: number): Promise<string[]> => {
    const records = Array.from({ length: count }, (_, i) => envelope.seal('x', { id: String(i) }))
    const keys = (await Promise.all(records)).map((record) => inspectRecord(record).wrappedKeys[0]!.wrapped)
    return keys.map((key) => Buffer.from(key).toString('hex'))
  }
  const [first] = await seal(1)
  clock.advanceSeconds(LIMIT_SECONDS - MILLISECOND)
  keyring.failure = down
  expect(await seal(1)).toEqual([first])
  await nextTurn()
  keyring.failure = undefined
  keyring.generated = 0
  return { keyring, clock, seal, first }
}

describe('a data key', () => {
  it('seals until one millisecond before its limit, and not at it', async () => {
    const { keyring, clock, seal, first } = await oneMillisecondBefore()
    expect(await seal(1)).toEqual([first])
    expect(keyring.generated).toBe(0)
    clock.advanceSeconds(MILLISECOND)
    expect(await seal(1)).not.toEqual([first])
    expect(keyring.generated).toBe(1)
  })

  it('is replaced by one other when 1,000 seals cross the limit together', async () => {
    const { keyring, clock, seal, first } = await oneMillisecondBefore()
    const before = seal(500)
    clock.advanceSeconds(MILLISECOND)
    const [old, fresh] = [new Set(await before), new Set(await seal(1000))]
    expect(old).toEqual(new Set([first]))
    expect(fresh.size).toBe(1)
    expect(fresh).not.toEqual(old)
    expect(keyring.generated).toBe(1)
  })
})
