/** Node takes small buffers out of one shared pool, whose bytes anybody with a small buffer can read. */
import { describe, expect, it } from 'vitest'
import { createEnvelope, generateKey, type Keyring, localKeyring, passphraseKeyring } from '../src/index.ts'
import { decrypt, encrypt } from '../src/version1/index.ts'
import { codeOf } from './support/codes.ts'
import { fault, setup, UNAVAILABLE } from './support/key-life.ts'

const pool = (): Buffer => Buffer.from(Buffer.allocUnsafe(1).buffer)
const context = { id: '1' }

describe('the pool of Buffer', () => {
  it('can be searched: a text in a small buffer is found', () => {
    const canary = Buffer.from('POOL-canary')
    expect(pool().indexOf('POOL-canary')).toBe(canary.byteOffset)
  })

  it('holds no secret of version 1', async () => {
    const secret = 'SECRET-canary-of-more-than-32-characters'
    await decrypt(await encrypt('x', { secret }), { secret })
    expect(pool().indexOf(secret)).toBe(-1)
  })

  it('holds no passphrase', async () => {
    const passphrase = 'PASSPHRASE-canary'
    await passphraseKeyring({ passphrase, kid: 'k', N: 1024 }).generateDataKey({ app: 'test' })
    expect(pool().indexOf(passphrase)).toBe(-1)
  })

  it('holds no plaintext once it is sealed, nor when that failed', async () => {
    const { keyring, envelope } = setup()
    const sealer = await envelope.prepare()
    await envelope.sealJson({ canary: 'SEALED-canary' }, context)
    await envelope.seal('TEXT-canary', context)
    sealer.seal('PREPARED-canary', context)
    expect(await codeOf(async () => sealer.seal('REFUSED-canary', {}))).toBe('ERR_WAXSEAL_ARGUMENT')
    keyring.failure = fault(UNAVAILABLE)
    expect(await codeOf(() => envelope.with({ a: 'b' }).sealJson({ canary: 'FAILED-canary' }, context))).toBe(
      UNAVAILABLE,
    )
    for (const name of ['SEALED', 'TEXT', 'PREPARED', 'REFUSED', 'FAILED']) {
      expect(pool().indexOf(`${name}-canary`)).toBe(-1)
    }
  })

  it('holds no plaintext of version 1 when sealing it failed', async () => {
    const fail = async (): Promise<never> => {
      throw fault(UNAVAILABLE)
    }
    const version1 = { generateDataKey: fail, unwrapDataKey: fail }
    const keyring: Keyring = { ...localKeyring(generateKey()), version1 }
    const envelope = createEnvelope({ keyring, encryptionContext: { app: 'test' } })
    expect(await codeOf(() => envelope.sealVersion1('VERSION1-canary'))).toBe(UNAVAILABLE)
    expect(pool().indexOf('VERSION1-canary')).toBe(-1)
  })
})
