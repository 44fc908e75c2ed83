import { KMSClient } from '@aws-sdk/client-kms'
import { startFakeKms } from '@waxseal/testing/kms'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { awsKmsKeyring } from '../src/aws-kms/index.ts'
import {
  createEnvelope,
  generateKey,
  type Keyring,
  localKeyring,
  multiKeyring,
  passphraseKeyring,
  recordKeyIds,
  WaxsealError,
  type WaxsealErrorCode,
} from '../src/index.ts'
import { codeOf, codeOfSync } from './support/codes.ts'
import { countingKeyring } from './support/keyrings.ts'

const app = { app: 'shop' }
const place = { id: '1' }
const [a, b, c] = [generateKey(), generateKey(), generateKey()] as const
const kidOf = (key: string): string => key.slice(0, 11)
const envelopeOf = (keyring: Keyring) => createEnvelope({ keyring, encryptionContext: app })

/** A keyring that fails in one way to unwrap, and notes that it was asked. */
function failing(code: WaxsealErrorCode | 'TypeError', asked: string[] = [], name: string = code): Keyring {
  return {
    ...localKeyring(generateKey()),
    unwrapDataKey: async () => {
      asked.push(name)
      throw code === 'TypeError' ? new TypeError('a bug') : new WaxsealError(code, name)
    },
  }
}

describe('several keyrings as one', () => {
  const passphrase = passphraseKeyring({ passphrase: 'correct horse battery staple', kid: 'k', N: 2 ** 10 })
  const three = [localKeyring(a), localKeyring(b), passphrase]

  it('seal under each, the first one first, and each alone opens', async () => {
    const record = await envelopeOf(multiKeyring(three)).seal('x', place)
    expect(recordKeyIds(record)).toEqual([kidOf(a), kidOf(b), 'k'])
    for (const keyring of three) expect(await envelopeOf(keyring).openText(record, place)).toBe('x')
    expect(await codeOf(() => envelopeOf(localKeyring(c)).open(record, place))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
  })

  it('open what any one of them sealed', async () => {
    for (const keyring of three) {
      const record = await envelopeOf(keyring).seal('x', place)
      expect(await envelopeOf(multiKeyring(three)).openText(record, place)).toBe('x')
    }
  })

  it('nest, and one alone is as good as itself', async () => {
    const record = await envelopeOf(multiKeyring([multiKeyring([three[0]!]), multiKeyring(three.slice(1))])).seal(
      'x',
      place,
    )
    expect(recordKeyIds(record)).toEqual([kidOf(a), kidOf(b), 'k'])
  })

  it('are asked in the order of configuration, each at most once, until one opens', async () => {
    const counted = [a, b, c].map((key) => countingKeyring(localKeyring(key)))
    const { wrappedKeys } = await multiKeyring([c, b].map((key) => localKeyring(key))).generateDataKey(app)
    const { wrappedKey } = await multiKeyring(counted).unwrapDataKey(wrappedKeys, app)
    expect(wrappedKey.kid).toBe(kidOf(b))
    expect(counted.map(({ unwrapped }) => unwrapped)).toEqual([1, 1, 0])
  })

  it('move a table from one keyring to another: open the old, rewrap, take the old one out', async () => {
    const old = await envelopeOf(localKeyring(a)).seal('x', place)
    const moving = envelopeOf(multiKeyring([localKeyring(b), localKeyring(a)]))
    const moved = await moving.rewrap(old)
    expect(recordKeyIds(moved)).toEqual([kidOf(b), kidOf(a)])
    const last = await envelopeOf(multiKeyring([localKeyring(b)])).rewrap(moved)
    expect(recordKeyIds(last)).toEqual([kidOf(b)])
    expect(await envelopeOf(localKeyring(b)).openText(last, place)).toBe('x')
  })

  it('wipe a new data key when one of them cannot wrap it, once nobody reads it any more', async () => {
    const first = countingKeyring(localKeyring(a))
    let read: Buffer | undefined
    const slow: Keyring = {
      ...localKeyring(b),
      async wrapDataKey(plaintextKey) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        read = Buffer.from(plaintextKey)
        return []
      },
    }
    const down: Keyring = {
      ...localKeyring(c),
      wrapDataKey: () => Promise.reject(new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'down')),
    }
    const call = () => multiKeyring([first, down, slow]).generateDataKey(app)
    expect(await codeOf(call)).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
    expect(read?.equals(Buffer.alloc(32))).toBe(false)
    expect(Buffer.alloc(32).equals(first.handedOut[0]!)).toBe(true)
  })

  it('wrap at most 8 times in all', async () => {
    const locals = (count: number) => multiKeyring(Array.from({ length: count }, () => localKeyring(generateKey())))
    await envelopeOf(multiKeyring([locals(4), locals(4)])).seal('x', place)
    const nine = multiKeyring([locals(4), locals(5)])
    expect(await codeOf(() => nine.generateDataKey(app))).toBe('ERR_WAXSEAL_CONFIG')
    expect(await codeOf(() => nine.wrapDataKey(new Uint8Array(32), app))).toBe('ERR_WAXSEAL_CONFIG')
  })

  it('have the version 1 of the first that has it', () => {
    const version1 = { generateDataKey: () => Promise.reject(), unwrapDataKey: () => Promise.reject() }
    const other = { ...version1 }
    expect(multiKeyring(three)).not.toHaveProperty('version1')
    const old = multiKeyring([three[0]!, { ...three[1]!, version1 }, { ...three[2]!, version1: other }])
    expect(old.version1).toBe(version1)
  })

  it.each<[string, unknown]>([
    ['none', []],
    ['more than 8', Array.from({ length: 9 }, () => three[0])],
    ['one that is no array', three[0]],
    ['what is no keyring', [three[0], undefined]],
  ])('refuse %s', (_, keyrings) => {
    expect(codeOfSync(() => multiKeyring(keyrings as Keyring[]))).toBe('ERR_WAXSEAL_ARGUMENT')
  })
})

describe('when none opens', () => {
  const DENIED = 'ERR_WAXSEAL_KEY_DENIED'
  const UNAVAILABLE = 'ERR_WAXSEAL_KEY_UNAVAILABLE'
  const INTEGRITY = 'ERR_WAXSEAL_INTEGRITY'
  const MISMATCH = 'ERR_WAXSEAL_KEY_MISMATCH'
  const CONFIG = 'ERR_WAXSEAL_CONFIG'

  it.each<[WaxsealErrorCode, WaxsealErrorCode[]]>([
    [DENIED, [DENIED]],
    [DENIED, [DENIED, DENIED]],
    [DENIED, [MISMATCH, DENIED, MISMATCH]],
    [UNAVAILABLE, [DENIED, UNAVAILABLE]],
    [UNAVAILABLE, [INTEGRITY, CONFIG, UNAVAILABLE]],
    [CONFIG, [DENIED, INTEGRITY, CONFIG]],
    [INTEGRITY, [DENIED, INTEGRITY]],
    [INTEGRITY, [MISMATCH, INTEGRITY]],
    [MISMATCH, [MISMATCH, MISMATCH]],
  ])('%s comes of %j', async (code, codes) => {
    const asked: string[] = []
    const keyring = multiKeyring(codes.map((each, i) => failing(each, asked, String(i))))
    expect(await codeOf(() => keyring.unwrapDataKey([], app))).toBe(code)
    expect(asked).toEqual(codes.map((_, i) => String(i)))
  })

  it('is denied if and only if all that were asked deny, whatever else goes wrong and in whatever order', async () => {
    const other = fc.constantFrom(UNAVAILABLE, INTEGRITY, MISMATCH, CONFIG, 'TypeError' as const)
    const outcome = fc.oneof({ weight: 3, arbitrary: fc.constant(DENIED) }, { weight: 1, arbitrary: other })
    await fc.assert(
      fc.asyncProperty(fc.array(outcome, { minLength: 1, maxLength: 8 }), async (outcomes) => {
        const keyring = multiKeyring(outcomes.map((each) => failing(each)))
        const error: unknown = await keyring.unwrapDataKey([], app).catch((error: unknown) => error)
        const asked = outcomes.filter((each) => each !== MISMATCH)
        const denied = asked.length > 0 && asked.every((each) => each === DENIED)
        expect(error instanceof WaxsealError && error.code === DENIED).toBe(denied)
      }),
      { examples: [[[DENIED, 'TypeError']], [['TypeError', DENIED]]] },
    )
  })
})

describe('AWS KMS with a root key beside it', () => {
  it('opens without KMS, also when KMS denies or refuses a data key for its age: a root key at hand opens', async () => {
    await using kms = await startFakeKms()
    const keyId = kms.createKey()
    const client = new KMSClient({ ...kms.clientConfig(), maxAttempts: 1 })
    const both = () => envelopeOf(multiKeyring([awsKmsKeyring({ client, keyId }), localKeyring(a)]))
    const record = await both().seal('x', place)
    expect(recordKeyIds(record)).toEqual([`eu-west-1:${keyId.split('/')[1]}`, kidOf(a)])
    kms.fail('server-error')
    expect(await both().openText(record, place)).toBe('x')
    expect(await codeOf(() => both().seal('y', place))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
    kms.recover()
    kms.setKeyState(keyId, 'Disabled')
    expect(await both().openText(record, place)).toBe('x')
    expect(await codeOf(() => both().seal('y', place))).toBe('ERR_WAXSEAL_KEY_DENIED')
    kms.setKeyState(keyId, 'Enabled')
    const aged = awsKmsKeyring({ client, keyId, minimumKeyDate: new Date() })
    expect(await envelopeOf(multiKeyring([aged, localKeyring(a)])).openText(record, place)).toBe('x')
    const withNewRootKey = envelopeOf(multiKeyring([aged, localKeyring(b)]))
    expect(await codeOf(() => withNewRootKey.open(record, place))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
    kms.setKeyState(keyId, 'Disabled')
    const kmsAlone = envelopeOf(awsKmsKeyring({ client, keyId }))
    expect(await codeOf(() => kmsAlone.open(record, place))).toBe('ERR_WAXSEAL_KEY_DENIED')
    client.destroy()
  })
})
