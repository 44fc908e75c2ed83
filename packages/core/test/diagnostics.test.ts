import { channel } from 'node:diagnostics_channel'
import { describe, expect, it, vi } from 'vitest'
import {
  channelNames,
  createEnvelope,
  generateKey,
  localKeyring,
  logTo,
  WaxsealError,
  type WaxsealEvent,
} from '../src/index.ts'
import { countingKeyring } from './support/keyrings.ts'

const context = { id: 'row-canary' }

/** Runs a body with a logger subscribed and returns what it was told. */
async function logged(
  body: () => Promise<unknown>,
): Promise<{ level: string; fields: Record<string, unknown>; message: string }[]> {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = []
  const note = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  const end = logTo({ debug: note('debug'), warn: note('warn') })
  try {
    await body()
  } finally {
    end()
  }
  return lines
}

describe('the channels', () => {
  it('tell of every seal, open and keyring call', async () => {
    const options = { keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } }
    const [envelope, cold] = [createEnvelope(options), createEnvelope(options)]
    let size = 0
    const lines = await logged(async () => {
      const record = await envelope.seal('plaintext-canary', context)
      size = record.length
      await cold.open(record, context)
      await cold.open(record, context)
    })
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'debug waxseal:kms generate',
      'debug waxseal:seal seal',
      'debug waxseal:kms unwrap',
      'debug waxseal:open open',
      'debug waxseal:open open',
    ])
    const [, seal, , first, warm] = lines.map(({ fields }) => fields)
    expect(seal).toMatchObject({ type: 'seal', recordBytes: size, cacheHit: false })
    expect(first).toMatchObject({ type: 'open', recordBytes: size, cacheHit: false })
    expect(warm).toMatchObject({ type: 'open', recordBytes: size, cacheHit: true })
    expect(seal?.recordContext).toMatch(/^[\w-]{16}$/)
    expect(seal?.recordContext).toBe(warm?.recordContext)
    expect(seal?.durationMilliseconds).toBeGreaterThan(0)
    expect(JSON.stringify(lines)).not.toMatch(/canary/)
  })

  it('warn of what failed, with its code', async () => {
    const keyring = countingKeyring()
    const envelope = createEnvelope({ keyring, encryptionContext: { app: 'test' } })
    const record = await envelope.seal('x', context)
    const lines = await logged(async () => {
      await envelope.open(record, { id: 'other' }).catch(() => {})
      await envelope.seal('x', {}).catch(() => {})
      keyring.failure = new WaxsealError('ERR_WAXSEAL_KEY_DENIED', 'no')
      await envelope
        .with({ tenant: 'a' })
        .seal('x', context)
        .catch(() => {})
    })
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn waxseal:open open ERR_WAXSEAL_INTEGRITY',
      'warn waxseal:seal seal ERR_WAXSEAL_ARGUMENT',
      'warn waxseal:kms generate ERR_WAXSEAL_KEY_DENIED',
      'warn waxseal:seal seal ERR_WAXSEAL_KEY_DENIED',
    ])
  })

  it('of a sealer is that of seals', async () => {
    const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
    const sealer = await envelope.prepare()
    const lines = await logged(async () => sealer.seal('x', context))
    expect(lines).toMatchObject([{ level: 'debug', message: 'waxseal:seal seal', fields: { cacheHit: true } }])
  })
})

describe('logTo', () => {
  it('carries the events of the session store and the vault', async () => {
    const lines = await logged(async () => {
      const expired: WaxsealEvent & { key: string } = { type: 'expired', level: 'debug', key: 'hash' }
      channel('waxseal:session').publish(expired)
      channel('waxseal:vault').publish({ type: 'refresh', level: 'warn', code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    })
    expect(lines).toEqual([
      { level: 'debug', message: 'waxseal:session expired', fields: { type: 'expired', key: 'hash' } },
      {
        level: 'warn',
        message: 'waxseal:vault refresh ERR_WAXSEAL_STORE_TIMEOUT',
        fields: { type: 'refresh', code: 'ERR_WAXSEAL_STORE_TIMEOUT' },
      },
    ])
  })

  it('calls the methods on the logger, and stops when told', () => {
    const logger = { debug: vi.fn(), warn: vi.fn() }
    const end = logTo(logger)
    for (const name of channelNames) expect(channel(name).hasSubscribers).toBe(true)
    channel('waxseal:session').publish({ type: 'x', level: 'warn' })
    expect(logger.warn.mock.contexts[0]).toBe(logger)
    end()
    end()
    for (const name of channelNames) expect(channel(name).hasSubscribers).toBe(false)
  })
})
