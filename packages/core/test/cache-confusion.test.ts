/** Data keys of two purposes never stand in for one another, however alike their names in a cache. */
import { expect, it } from 'vitest'
import { createEnvelope, generateKey, type Keyring, localKeyring } from '../src/index.ts'
import { codeOf } from './support/codes.ts'
import { countingKeyring } from './support/keyrings.ts'

const place = { id: '1' }

it('what tenants seal in turns, sharing one cache, opens for each of them in another process', async () => {
  const keyring = countingKeyring()
  const newEnvelope = () => createEnvelope({ keyring, encryptionContext: { app: 'test' } })
  const writer = newEnvelope()
  // Joined without lengths, these would be one and the same encryption context.
  const tenants = [{ a: 'bc' }, { ab: 'c' }, { a: 'b', c: '' }, { a: 'b&c=d' }, { a: 'b', c: 'd' }]
  for (let turn = 0; turn < 2; turn++) {
    for (const tenant of tenants) {
      const record = await writer.with(tenant).seal('x', place)
      expect(await newEnvelope().with(tenant).openText(record, place)).toBe('x')
      for (const other of tenants.filter((each) => each !== tenant)) {
        expect(await codeOf(() => newEnvelope().with(other).open(record, place))).toBe('ERR_WAXSEAL_INTEGRITY')
        expect(await codeOf(() => writer.with(other).open(record, place))).toBe('ERR_WAXSEAL_INTEGRITY')
      }
    }
  }
  expect(keyring.generated).toBe(tenants.length)
})

it('a data key of version 2 opens nothing of version 1, although its wrapping is the same', async () => {
  const inner = localKeyring(generateKey())
  const unwrapped: string[] = []
  const keyring: Keyring = {
    ...inner,
    version1: {
      generateDataKey: () => inner.generateDataKey({ app: 'test' }),
      unwrapDataKey: (wrapped) => {
        unwrapped.push('version 1')
        return inner.unwrapDataKey([{ keyringId: 2, kid: '', wrapped }], { app: 'test' })
      },
    },
  }
  const envelope = createEnvelope({ keyring, encryptionContext: { app: 'test' } })
  const record = await envelope.seal('x', place)
  const { wrapped } = envelope.inspect(record).wrappedKeys[0]!
  const item = await envelope.sealVersion1('x')
  const encryptedKey = Buffer.from(wrapped).toString('base64')
  // The keyring does not know a wrapping without a kid; from the cache it would have been a wrong tag.
  expect(await codeOf(() => envelope.openVersion1({ ...item, encryptedKey }))).toBe('ERR_WAXSEAL_KEY_MISMATCH')
  expect(unwrapped).toEqual(['version 1'])
})
