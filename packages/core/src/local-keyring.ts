import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { encodeContext } from './context.ts'
import { WaxsealError } from './errors.ts'
import type { EncryptionContext, GeneratedDataKey, Keyring, UnwrappedDataKey, WrappedKey } from './keyring.ts'
import { DATA_KEY_BYTES, openPayload, SALT_BYTES, sealedLength, sealPayload } from './payload.ts'
import { KEYRING } from './record.ts'
import { verdict } from './verdict.ts'

const ROOT_KEY_BYTES = 32
const ID = /^[A-Za-z0-9._-]{1,32}$/
const KID_LABEL = 'waxseal-kid-v2'
const WRAP_LABEL = Buffer.from('waxseal-wrap-v2', 'latin1')

interface RootKey {
  readonly kid: string
  readonly key: KeyObject
}

/**
 * A keyring of 32-byte root keys held by this process: for one machine, tests and demos.
 *
 * @param keys the value of WAXSEAL_KEYS: `id:base64url[,id:base64url…]`, as {@link generateKey} makes them. The first
 *   wraps new data keys, the others only unwrap. An id (1 to 32 of `A-Z a-z 0-9 . _ -`) is a label for people and
 *   appears in no record; records name a key by its fingerprint.
 * @throws WaxsealError `ERR_WAXSEAL_CONFIG` when the value is missing or not of that form. The message gives the
 *   position of the entry and never its text: a mistyped entry may be a key.
 */
export function localKeyring(keys: string | undefined): Keyring {
  const rootKeys = parseRootKeys(keys)
  const [current] = rootKeys
  const wrap = (plaintextKey: Uint8Array, encryptionContext: EncryptionContext): WrappedKey[] => {
    const wrapped = wrapDataKey(current, plaintextKey, encryptionContext)
    return [{ keyringId: KEYRING.local, kid: current.kid, wrapped }]
  }
  return {
    async generateDataKey(encryptionContext): Promise<GeneratedDataKey> {
      const plaintextKey = randomBytes(DATA_KEY_BYTES)
      return { plaintextKey, wrappedKeys: wrap(plaintextKey, encryptionContext) }
    },
    async wrapDataKey(plaintextKey, encryptionContext): Promise<WrappedKey[]> {
      return wrap(plaintextKey, encryptionContext)
    },
    async unwrapDataKey(wrappedKeys, encryptionContext): Promise<UnwrappedDataKey> {
      const failures: unknown[] = []
      for (const { kid, key } of rootKeys) {
        const wrappedKey = wrappedKeys.find((key) => key.keyringId === KEYRING.local && key.kid === kid)
        if (wrappedKey === undefined) continue
        try {
          const plaintextKey = openPayload(key, wrapContext(kid, encryptionContext), wrappedKey.wrapped)
          return { plaintextKey, wrappedKey }
        } catch (error) {
          failures.push(error)
        }
      }
      throw verdict(failures)
    },
  }
}

/** A new random root key as an entry for WAXSEAL_KEYS, `id:base64url`; its id is the fingerprint that records carry. */
export function generateKey(): string {
  const bytes = randomBytes(ROOT_KEY_BYTES)
  const id = localKid(createSecretKey(bytes))
  const entry = `${id}:${bytes.toString('base64url')}`
  bytes.fill(0)
  return entry
}

/** A data key under a root key: the payload construction again, bound to the kid and the encryption context. Only vectors name a salt. */
export function wrapDataKey(
  { kid, key }: RootKey,
  dataKey: Uint8Array,
  encryptionContext: EncryptionContext,
  salt: Uint8Array = randomBytes(SALT_BYTES),
): Uint8Array {
  const wrapped = new Uint8Array(sealedLength(dataKey.length))
  wrapped.set(salt)
  sealPayload(key, wrapContext(kid, encryptionContext), dataKey, wrapped, 0)
  return wrapped
}

function wrapContext(kid: string, encryptionContext: EncryptionContext): Uint8Array {
  const name = Buffer.from(kid, 'latin1')
  return Buffer.concat([WRAP_LABEL, Uint8Array.of(name.length), name, encodeContext(encryptionContext)])
}

/** Eight bytes as 11 base64url characters. The label keeps this HMAC apart from those of the key derivation. */
export function localKid(key: KeyObject): string {
  return createHmac('sha512', key).update(KID_LABEL).digest().subarray(0, 8).toString('base64url')
}

function parseRootKeys(keys: string | undefined): [RootKey, ...RootKey[]] {
  if (typeof keys !== 'string' || keys === '') throw configError('is not set; generateKey() makes a value for it')
  const ids = new Set<string>()
  const kids = new Set<string>()
  const rootKeys = keys.split(',').map((entry, index) => {
    const { id, rootKey } = parseEntry(entry, index + 1)
    if (ids.has(id)) throw configError(`repeats an id in entry ${index + 1}`)
    if (kids.has(rootKey.kid)) throw configError(`repeats a key in entry ${index + 1}`)
    ids.add(id)
    kids.add(rootKey.kid)
    return rootKey
  })
  return rootKeys as [RootKey, ...RootKey[]]
}

function parseEntry(entry: string, position: number): { id: string; rootKey: RootKey } {
  const [id, encoded, ...rest] = entry.split(':')
  if (id === undefined || encoded === undefined || rest.length > 0) {
    throw configError(`entry ${position} is not of the form id:base64url`)
  }
  if (!ID.test(id)) throw configError(`entry ${position} has an id that is not 1 to 32 of A-Z a-z 0-9 . _ -`)
  const bytes = Buffer.from(encoded, 'base64url')
  try {
    if (bytes.toString('base64url') !== encoded) throw configError(`entry ${position} is not canonical base64url`)
    if (bytes.length !== ROOT_KEY_BYTES) throw configError(`entry ${position} does not hold a key of 32 bytes`)
    const key = createSecretKey(bytes)
    return { id, rootKey: { kid: localKid(key), key } }
  } finally {
    bytes.fill(0)
  }
}

function configError(problem: string): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_CONFIG', `Waxseal: WAXSEAL_KEYS ${problem}`)
}
