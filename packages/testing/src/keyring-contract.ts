import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { TestRunner } from './test-runner.ts'

type Context = Readonly<Record<string, string>>

interface WrappedKey {
  readonly keyringId: number
  readonly kid: string
  readonly wrapped: Uint8Array
}

/** The shape of `Keyring` of `@waxseal/core`, repeated here because this package imports none of ours. */
export interface KeyringUnderTest {
  generateDataKey(context: Context): Promise<{
    readonly plaintextKey: Uint8Array
    readonly wrappedKeys: readonly WrappedKey[]
  }>
  wrapDataKey(plaintextKey: Uint8Array, context: Context): Promise<readonly WrappedKey[]>
  unwrapDataKey(
    wrappedKeys: readonly WrappedKey[],
    context: Context,
  ): Promise<{ readonly plaintextKey: Uint8Array; readonly wrappedKey: WrappedKey }>
  rewrapDataKey?(wrappedKeys: readonly WrappedKey[], context: Context): Promise<readonly WrappedKey[] | undefined>
}

const INTEGRITY = 'ERR_WAXSEAL_INTEGRITY'
const MISMATCH = 'ERR_WAXSEAL_KEY_MISMATCH'
const DATA_KEY_BYTES = 32
/** The most that a record holds. */
const MAX_WRAPPED_KEYS = 8
const MAX_WRAPPED_BYTES = 1024

/**
 * Registers the cases that every keyring must pass. All keys of its configuration are usable while they run.
 *
 * @param runner what registers a case
 * @param create makes a keyring, each time of the same configuration, as in another process
 * @example
 * keyringContract({ describe, it }, () => localKeyring(keys))
 */
export function keyringContract(
  { describe, it }: TestRunner,
  create: () => KeyringUnderTest | Promise<KeyringUnderTest>,
): void {
  const context = Object.freeze({ app: 'contract', purpose: 'test' })

  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const names = (keys: readonly WrappedKey[]): string[] => keys.map(({ keyringId, kid }) => `${keyringId} ${kid}`)
  const opened = async (keyring: KeyringUnderTest, keys: readonly WrappedKey[], under: Context = context) =>
    hex((await keyring.unwrapDataKey(keys, under)).plaintextKey)
  /** The code that a call fails with. */
  const codeOf = async (call: Promise<unknown>): Promise<unknown> => {
    const outcome = await call.then(
      () => ({ code: 'no error' }),
      (error: unknown) => error as { code?: unknown },
    )
    return outcome.code
  }
  /** The same names, with other bytes. */
  const withBytes = (key: WrappedKey, change: (wrapped: Uint8Array) => Uint8Array): WrappedKey => ({
    ...key,
    wrapped: change(Uint8Array.from(key.wrapped)),
  })
  const flip = (key: WrappedKey, offset: number): WrappedKey =>
    withBytes(key, (wrapped) => {
      wrapped[offset] = (wrapped[offset] as number) ^ 1
      return wrapped
    })
  /** The same bytes, under names that are none of the keyring's. */
  const foreign = (key: WrappedKey): WrappedKey[] => [
    { ...key, kid: key.kid.slice(0, -1) + (key.kid.endsWith('A') ? 'E' : 'A') },
    { ...key, keyringId: 255 },
  ]

  describe('keyring', () => {
    it('makes a data key of 32 bytes that its wrapped keys open', async () => {
      const keyring = await create()
      const { plaintextKey, wrappedKeys } = await keyring.generateDataKey(context)
      assert.equal(plaintextKey.length, DATA_KEY_BYTES)
      assert.equal(await opened(keyring, wrappedKeys), hex(plaintextKey))
    })

    it('wraps in what a record can hold', async () => {
      const { wrappedKeys } = await (await create()).generateDataKey(context)
      assert.ok(wrappedKeys.length >= 1 && wrappedKeys.length <= MAX_WRAPPED_KEYS)
      assert.equal(new Set(names(wrappedKeys)).size, wrappedKeys.length, 'a key is named twice')
      for (const { keyringId, kid, wrapped } of wrappedKeys) {
        assert.ok(Number.isInteger(keyringId) && keyringId >= 1 && keyringId <= 255)
        assert.match(kid, /^[\x21-\x7e]{1,64}$/)
        assert.ok(wrapped.length >= 1 && wrapped.length <= MAX_WRAPPED_BYTES)
      }
    })

    it('names the same keys in the same order every time', async () => {
      const keyring = await create()
      const expected = names((await keyring.generateDataKey(context)).wrappedKeys)
      assert.deepEqual(names((await keyring.generateDataKey({ app: 'other' })).wrappedKeys), expected)
      assert.deepEqual(names(await keyring.wrapDataKey(randomBytes(DATA_KEY_BYTES), context)), expected)
      assert.deepEqual(names((await (await create()).generateDataKey(context)).wrappedKeys), expected)
    })

    it('never makes a data key twice', async () => {
      const keyring = await create()
      const dataKeys = await Promise.all([
        ...Array.from({ length: 8 }, () => keyring.generateDataKey(context)),
        (await create()).generateDataKey(context),
      ])
      assert.equal(new Set(dataKeys.map(({ plaintextKey }) => hex(plaintextKey))).size, dataKeys.length)
    })

    it('never wraps in the same bytes twice', async () => {
      const keyring = await create()
      const plaintextKey = randomBytes(DATA_KEY_BYTES)
      const first = await keyring.wrapDataKey(plaintextKey, context)
      const second = await keyring.wrapDataKey(plaintextKey, context)
      for (const [i, { wrapped }] of first.entries()) assert.notEqual(hex(wrapped), hex(second[i]?.wrapped ?? wrapped))
    })

    it('opens from each of its wrapped keys alone', async () => {
      const keyring = await create()
      const { plaintextKey, wrappedKeys } = await keyring.generateDataKey(context)
      for (const key of wrappedKeys) assert.equal(await opened(keyring, [key]), hex(plaintextKey))
    })

    it('opens what another keyring of the same configuration wrapped', async () => {
      const { plaintextKey, wrappedKeys } = await (await create()).generateDataKey(context)
      assert.equal(await opened(await create(), wrappedKeys), hex(plaintextKey))
    })

    it('wraps a data key that exists, and leaves it as it is', async () => {
      const keyring = await create()
      const plaintextKey = randomBytes(DATA_KEY_BYTES)
      const before = hex(plaintextKey)
      const wrappedKeys = await keyring.wrapDataKey(plaintextKey, context)
      assert.equal(hex(plaintextKey), before)
      for (const key of wrappedKeys) assert.equal(await opened(keyring, [key]), before)
    })

    it('says which wrapped key opened: one of those that it was given', async () => {
      const keyring = await create()
      const { wrappedKeys } = await keyring.generateDataKey(context)
      for (const key of wrappedKeys) {
        const given = [...foreign(key), key]
        assert.deepEqual((await keyring.unwrapDataKey(given, context)).wrappedKey, key)
      }
    })

    it('finds nothing in wrapped keys of others: KEY_MISMATCH', async () => {
      const keyring = await create()
      const { wrappedKeys } = await keyring.generateDataKey(context)
      assert.equal(await codeOf(keyring.unwrapDataKey([], context)), MISMATCH)
      for (const key of wrappedKeys.flatMap(foreign)) {
        assert.equal(await codeOf(keyring.unwrapDataKey([key], context)), MISMATCH)
      }
    })

    it('passes over wrapped keys of others', async () => {
      const keyring = await create()
      const { plaintextKey, wrappedKeys } = await keyring.generateDataKey(context)
      for (const key of wrappedKeys) {
        assert.equal(await opened(keyring, [...foreign(key), key]), hex(plaintextKey))
        assert.equal(await opened(keyring, [key, ...foreign(key)]), hex(plaintextKey))
      }
    })

    it('goes on to the next of its keys when one does not open', async () => {
      const keyring = await create()
      const { plaintextKey, wrappedKeys } = await keyring.generateDataKey(context)
      for (const [i, sound] of wrappedKeys.entries()) {
        const others = wrappedKeys.map((key, j) => (i === j ? sound : flip(key, key.wrapped.length - 1)))
        assert.equal(await opened(keyring, others), hex(plaintextKey))
      }
      const allBent = wrappedKeys.map((key) => flip(key, key.wrapped.length - 1))
      assert.equal(await codeOf(keyring.unwrapDataKey(allBent, context)), INTEGRITY)
    })

    it('binds the encryption context: every other one is INTEGRITY', async () => {
      const keyring = await create()
      const bound = { app: 'shop', purpose: 'a&tenant=c' }
      const { wrappedKeys } = await keyring.generateDataKey(bound)
      const others: Context[] = [
        { ...bound, app: 'shoq' },
        { app: 'shop' },
        { ...bound, tenant: 'acme' },
        { apq: 'shop', purpose: 'a&tenant=c' },
        { app: 'a&tenant=c', purpose: 'shop' },
        { app: 'shop', purpose: 'a', tenant: 'c' },
        { App: 'shop', purpose: 'a&tenant=c' },
      ]
      for (const key of wrappedKeys) {
        for (const other of others) {
          assert.equal(await codeOf(keyring.unwrapDataKey([key], other)), INTEGRITY, JSON.stringify(other))
        }
      }
    })

    it('takes the entries of an encryption context in any order', async () => {
      const keyring = await create()
      const { plaintextKey, wrappedKeys } = await keyring.generateDataKey({
        b: '2',
        a: '1',
        '\u{10000}': '3',
        '\uffff': '4',
      })
      const reordered = { '\uffff': '4', '\u{10000}': '3', a: '1', b: '2' }
      assert.equal(await opened(keyring, wrappedKeys, reordered), hex(plaintextKey))
    })

    it('opens no altered byte, and takes none for anything but a fault of that record', async () => {
      const keyring = await create()
      const { wrappedKeys } = await keyring.generateDataKey(context)
      for (const key of wrappedKeys) {
        const last = key.wrapped.length - 1
        for (let offset = 0; offset < last; offset++) {
          // Wrapped bytes may begin with what names their key more closely.
          const code = await codeOf(keyring.unwrapDataKey([flip(key, offset)], context))
          assert.ok(code === INTEGRITY || code === MISMATCH, `byte ${offset}: ${code}`)
        }
        assert.equal(await codeOf(keyring.unwrapDataKey([flip(key, last)], context)), INTEGRITY)
      }
    })

    it('opens nothing that was cut short or has more behind it', async () => {
      const keyring = await create()
      const { wrappedKeys } = await keyring.generateDataKey(context)
      for (const key of wrappedKeys) {
        const lengths = [1, key.wrapped.length >> 1, key.wrapped.length - 16, key.wrapped.length - 1]
        const cut = lengths.map((length) => withBytes(key, (wrapped) => wrapped.subarray(0, length)))
        const extended = withBytes(key, (wrapped) => Buffer.concat([wrapped, Uint8Array.of(0)]))
        for (const bent of [...cut, extended]) {
          const code = await codeOf(keyring.unwrapDataKey([bent], context))
          assert.ok(code === INTEGRITY || code === MISMATCH, `${bent.wrapped.length} bytes: ${code}`)
        }
      }
    })

    it('hands out plaintext keys that the caller may wipe', async () => {
      const keyring = await create()
      const { plaintextKey, wrappedKeys } = await keyring.generateDataKey(context)
      const expected = hex(plaintextKey)
      plaintextKey.fill(0)
      const first = await keyring.unwrapDataKey(wrappedKeys, context)
      const second = await keyring.unwrapDataKey(wrappedKeys, context)
      first.plaintextKey.fill(0)
      assert.equal(hex(second.plaintextKey), expected)
      assert.equal(await opened(keyring, wrappedKeys), expected)
    })

    it('does not change what it is given', async () => {
      const keyring = await create()
      const given = await keyring.generateDataKey(context)
      const wrappedKeys = Object.freeze(given.wrappedKeys.toReversed().map((key) => Object.freeze({ ...key })))
      const before = wrappedKeys.map(({ wrapped }) => hex(wrapped))
      await keyring.unwrapDataKey(wrappedKeys, context)
      await keyring.rewrapDataKey?.(wrappedKeys, context)
      assert.deepEqual(
        wrappedKeys.map(({ wrapped }) => hex(wrapped)),
        before,
      )
    })

    it('keeps concurrent calls apart', async () => {
      const keyring = await create()
      const contexts = Array.from({ length: 20 }, (_, i) => ({ app: 'contract', tenant: `tenant-${i}` }))
      const dataKeys = await Promise.all(contexts.map((each) => keyring.generateDataKey(each)))
      const keys = await Promise.all(dataKeys.map(({ wrappedKeys }, i) => opened(keyring, wrappedKeys, contexts[i])))
      assert.deepEqual(
        keys,
        dataKeys.map(({ plaintextKey }) => hex(plaintextKey)),
      )
    })

    it('rewraps the same data key under its keys, where it can do that itself', async () => {
      const keyring = await create()
      const { plaintextKey, wrappedKeys } = await keyring.generateDataKey(context)
      const rewrap = async (keys: readonly WrappedKey[], under: Context = context): Promise<readonly WrappedKey[]> => {
        const rewrapped = await keyring.rewrapDataKey?.(keys, under)
        if (rewrapped !== undefined) return rewrapped
        return keyring.wrapDataKey((await keyring.unwrapDataKey(keys, under)).plaintextKey, under)
      }
      const rewrapped = await rewrap(wrappedKeys)
      assert.deepEqual(names(rewrapped), names(wrappedKeys))
      for (const [i, key] of rewrapped.entries()) {
        assert.equal(await opened(keyring, [key]), hex(plaintextKey))
        assert.notEqual(hex(key.wrapped), hex(wrappedKeys[i]?.wrapped ?? key.wrapped))
      }
      for (const key of wrappedKeys) {
        assert.equal(await codeOf(rewrap(foreign(key))), MISMATCH)
        assert.equal(await codeOf(rewrap([flip(key, key.wrapped.length - 1)])), INTEGRITY)
        assert.equal(await codeOf(rewrap([key], { app: 'other' })), INTEGRITY)
      }
    })
  })
}
