/**
 * Every keyring passes the contract; and, here because the kit may import no package of ours, the contract itself is
 * tested: keyrings that are broken in one way each must fail it, at the case meant for them.
 */
import { randomBytes } from 'node:crypto'
import { KMSClient } from '@aws-sdk/client-kms'
import { keyringContract } from '@waxseal/testing'
import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { awsKmsKeyring } from '../src/aws-kms/index.ts'
import {
  type EncryptionContext,
  generateKey,
  type Keyring,
  localKeyring,
  multiKeyring,
  passphraseKeyring,
  WaxsealError,
  type WrappedKey,
} from '../src/index.ts'

const keys = generateKey()
const [a, b] = [localKeyring(generateKey()), localKeyring(generateKey())]
const passphrase = { passphrase: 'correct horse battery staple', kid: 'contract', N: 2 ** 10 }

describe('localKeyring', () => keyringContract({ describe, it }, () => localKeyring(`${keys},${generateKey()}`)))
describe('passphraseKeyring', () => keyringContract({ describe, it }, () => passphraseKeyring(passphrase)))

describe('keyrings of AWS KMS', () => {
  let kms: FakeKms
  let european: { client: KMSClient; keyId: string }
  let american: { client: KMSClient; keyId: string }

  beforeAll(async () => {
    kms = await startFakeKms()
    const inRegion = (region: string) => ({
      client: new KMSClient({ ...kms.clientConfig(region), maxAttempts: 1 }),
      keyId: kms.createKey({ region }),
    })
    european = inRegion('eu-west-1')
    american = inRegion('us-east-1')
    kms.setAlias('alias/contract', european.keyId)
    kms.rotateKey(european.keyId)
  })
  afterAll(async () => {
    european.client.destroy()
    american.client.destroy()
    await kms.close()
  })

  describe('one key, with a minimum age', () =>
    keyringContract({ describe, it }, () => awsKmsKeyring({ ...european, minimumKeyDate: new Date(0) })))
  describe('an alias', () =>
    keyringContract({ describe, it }, () =>
      awsKmsKeyring({ ...european, keyId: 'alias/contract', decryptKeyIds: [european.keyId] }),
    ))
  describe('two Regions', () =>
    keyringContract({ describe, it }, () => awsKmsKeyring({ ...european, alsoWrapFor: [american] })))
  describe('multiKeyring of KMS, a root key and a passphrase', () =>
    keyringContract({ describe, it }, () =>
      multiKeyring([awsKmsKeyring(european), localKeyring(keys), passphraseKeyring(passphrase)]),
    ))
})

/** Runs the contract against a keyring and gives the names of the cases that fail. */
async function failuresOf(create: () => Keyring): Promise<string[]> {
  const cases: { name: string; body: () => Promise<void> }[] = []
  keyringContract({ describe: (_, body) => body(), it: (name, body) => cases.push({ name, body }) }, create)
  const failures: string[] = []
  for (const { name, body } of cases) await body().catch(() => failures.push(name))
  return failures
}

const sound = localKeyring(keys)
const one = { app: 'one' }
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Two root keys, and what is done with the wrapped keys before and after. */
const both = multiKeyring([a, b])
const changing = (change: (key: WrappedKey) => WrappedKey, back: (key: WrappedKey) => WrappedKey): Keyring => ({
  async generateDataKey(context) {
    const { plaintextKey, wrappedKeys } = await sound.generateDataKey(context)
    return { plaintextKey, wrappedKeys: wrappedKeys.map(change) }
  },
  async wrapDataKey(plaintextKey, context) {
    return (await sound.wrapDataKey(plaintextKey, context)).map(change)
  },
  async unwrapDataKey(wrappedKeys, context) {
    const restored = wrappedKeys.map(back)
    const { plaintextKey, wrappedKey } = await sound.unwrapDataKey(restored, context)
    return { plaintextKey, wrappedKey: wrappedKeys[restored.indexOf(wrappedKey)]! }
  },
})
/** A keyring that binds something else than the encryption context. */
const binding = (bound: (context: EncryptionContext) => EncryptionContext): Keyring => ({
  generateDataKey: (context) => sound.generateDataKey(bound(context)),
  wrapDataKey: (plaintextKey, context) => sound.wrapDataKey(plaintextKey, bound(context)),
  unwrapDataKey: (wrappedKeys, context) => sound.unwrapDataKey(wrappedKeys, bound(context)),
})

const broken: Record<string, { keyring: () => Keyring; fails: string }> = {
  'makes data keys of 16 bytes': {
    keyring: () => ({
      ...sound,
      async generateDataKey(context) {
        const plaintextKey = randomBytes(16)
        return { plaintextKey, wrappedKeys: await sound.wrapDataKey(plaintextKey, context) }
      },
    }),
    fails: 'makes a data key of 32 bytes that its wrapped keys open',
  },
  'names keys with a space': {
    keyring: () =>
      changing(
        (key) => ({ ...key, kid: `my ${key.kid}` }),
        (key) => ({ ...key, kid: key.kid.slice(3) }),
      ),
    fails: 'wraps in what a record can hold',
  },
  'names one key twice': { keyring: () => multiKeyring([a, a]), fails: 'wraps in what a record can hold' },
  'wraps an existing key under fewer keys': {
    keyring: () => ({ ...both, wrapDataKey: (key, context) => a.wrapDataKey(key, context) }),
    fails: 'names the same keys in the same order every time',
  },
  'has one data key for everything': {
    keyring: () => ({
      ...sound,
      async generateDataKey(context) {
        const plaintextKey = Buffer.alloc(32, 7)
        return { plaintextKey, wrappedKeys: await sound.wrapDataKey(plaintextKey, context) }
      },
    }),
    fails: 'never makes a data key twice',
  },
  'wraps without anything random': {
    keyring: () => {
      const made = new Map<string, readonly WrappedKey[]>()
      return {
        ...sound,
        async wrapDataKey(plaintextKey, context) {
          const name = hex(plaintextKey) + JSON.stringify(context)
          const wrappedKeys = made.get(name) ?? (await sound.wrapDataKey(plaintextKey, context))
          made.set(name, wrappedKeys)
          return wrappedKeys
        },
      }
    },
    fails: 'never wraps in the same bytes twice',
  },
  'needs all of its wrapped keys': {
    keyring: () => ({
      ...both,
      async unwrapDataKey(wrappedKeys, context) {
        await b.unwrapDataKey(wrappedKeys, context)
        return a.unwrapDataKey(wrappedKeys, context)
      },
    }),
    fails: 'opens from each of its wrapped keys alone',
  },
  'has a root key of this process': {
    keyring: () => localKeyring(generateKey()),
    fails: 'opens what another keyring of the same configuration wrapped',
  },
  'wipes the key that it is given to wrap': {
    keyring: () => ({
      ...sound,
      async wrapDataKey(plaintextKey, context) {
        const wrappedKeys = await sound.wrapDataKey(plaintextKey, context)
        plaintextKey.fill(0)
        return wrappedKeys
      },
    }),
    fails: 'wraps a data key that exists, and leaves it as it is',
  },
  'gives back the first wrapped key, whichever opened': {
    keyring: () => ({
      ...sound,
      async unwrapDataKey(wrappedKeys, context) {
        const { plaintextKey } = await sound.unwrapDataKey(wrappedKeys, context)
        return { plaintextKey, wrappedKey: wrappedKeys[0]! }
      },
    }),
    fails: 'says which wrapped key opened: one of those that it was given',
  },
  'calls the wrapped keys of others altered': {
    keyring: () => ({
      ...sound,
      unwrapDataKey: (wrappedKeys, context) =>
        sound.unwrapDataKey(wrappedKeys, context).catch(() => {
          throw new WaxsealError('ERR_WAXSEAL_INTEGRITY', 'no')
        }),
    }),
    fails: 'finds nothing in wrapped keys of others: KEY_MISMATCH',
  },
  'looks at the first wrapped key alone': {
    keyring: () => ({
      ...sound,
      unwrapDataKey: (wrappedKeys, context) => sound.unwrapDataKey(wrappedKeys.slice(0, 1), context),
    }),
    fails: 'passes over wrapped keys of others',
  },
  'gives up at the first of its keys that does not open': {
    keyring: () => ({
      ...both,
      async unwrapDataKey(wrappedKeys, context) {
        const own = wrappedKeys.find(({ keyringId }) => keyringId === 2)
        return both.unwrapDataKey(own === undefined ? [] : [own], context)
      },
    }),
    fails: 'goes on to the next of its keys when one does not open',
  },
  'binds no encryption context': {
    keyring: () => binding(() => one),
    fails: 'binds the encryption context: every other one is INTEGRITY',
  },
  'binds the values alone': {
    keyring: () => binding((context) => ({ values: Object.values(context).join() })),
    fails: 'binds the encryption context: every other one is INTEGRITY',
  },
  'joins the entries with separators': {
    keyring: () =>
      binding((context) => ({
        query: Object.entries(context)
          .map((entry) => entry.join('='))
          .sort()
          .join('&'),
      })),
    fails: 'binds the encryption context: every other one is INTEGRITY',
  },
  'binds the order of the entries': {
    keyring: () => binding((context) => ({ entries: JSON.stringify(context) })),
    fails: 'takes the entries of an encryption context in any order',
  },
  'says denied upon altered bytes, at which callers drop their keys': {
    keyring: () => ({
      ...sound,
      unwrapDataKey: (wrappedKeys, context) =>
        sound.unwrapDataKey(wrappedKeys, context).catch((error: WaxsealError) => {
          throw error.code === 'ERR_WAXSEAL_INTEGRITY' ? new WaxsealError('ERR_WAXSEAL_KEY_DENIED', 'no') : error
        }),
    }),
    fails: 'opens no altered byte, and takes none for anything but a fault of that record',
  },
  'has a byte in its wrapped keys that nothing protects': {
    keyring: () =>
      changing(
        (key) => ({ ...key, wrapped: Buffer.concat([Uint8Array.of(1), key.wrapped]) }),
        (key) => ({ ...key, wrapped: key.wrapped.subarray(1) }),
      ),
    fails: 'opens no altered byte, and takes none for anything but a fault of that record',
  },
  'ignores what follows its wrapped bytes': {
    keyring: () =>
      changing(
        (key) => key,
        (key) => ({ ...key, wrapped: key.wrapped.subarray(0, 104) }),
      ),
    fails: 'opens nothing that was cut short or has more behind it',
  },
  'hands out the data key that it keeps itself': {
    keyring: () => {
      const kept = new Map<string, Uint8Array>()
      return {
        ...sound,
        async unwrapDataKey(wrappedKeys, context) {
          const { plaintextKey, wrappedKey } = await sound.unwrapDataKey(wrappedKeys, context)
          const name = hex(wrappedKey.wrapped)
          kept.set(name, kept.get(name) ?? plaintextKey)
          return { plaintextKey: kept.get(name)!, wrappedKey }
        },
      }
    },
    fails: 'hands out plaintext keys that the caller may wipe',
  },
  'sorts the wrapped keys that it is given': {
    keyring: () => ({
      ...both,
      unwrapDataKey: (wrappedKeys, context) => both.unwrapDataKey((wrappedKeys as WrappedKey[]).sort(), context),
    }),
    fails: 'does not change what it is given',
  },
  'overwrites the wrapped bytes that it is given': {
    keyring: () => ({
      ...sound,
      async unwrapDataKey(wrappedKeys, context) {
        const unwrapped = await sound.unwrapDataKey(wrappedKeys, context)
        unwrapped.wrappedKey.wrapped.fill(0)
        return unwrapped
      },
    }),
    fails: 'does not change what it is given',
  },
  'keeps the encryption context of the latest call': {
    keyring: () => {
      let latest: EncryptionContext = one
      return {
        ...sound,
        async generateDataKey(context) {
          latest = context
          await Promise.resolve()
          return sound.generateDataKey(latest)
        },
      }
    },
    fails: 'keeps concurrent calls apart',
  },
  'rewraps another data key': {
    keyring: () => ({ ...sound, rewrapDataKey: (_, context) => sound.wrapDataKey(randomBytes(32), context) }),
    fails: 'rewraps the same data key under its keys, where it can do that itself',
  },
  'gives the wrapped keys back as they are instead of rewrapping': {
    keyring: () => ({
      ...sound,
      async rewrapDataKey(wrappedKeys, context) {
        await sound.unwrapDataKey(wrappedKeys, context)
        return wrappedKeys
      },
    }),
    fails: 'rewraps the same data key under its keys, where it can do that itself',
  },
}

describe('the keyring contract', () => {
  it('passes a keyring that is sound', async () => {
    expect(await failuresOf(() => localKeyring(keys))).toEqual([])
    expect(await failuresOf(() => multiKeyring([a, b]))).toEqual([])
  })

  it.each(Object.entries(broken))('fails one that %s', async (_, { keyring, fails }) => {
    expect(await failuresOf(keyring)).toContain(fails)
  })
})
