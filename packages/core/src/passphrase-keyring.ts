import { createHash, createSecretKey, type KeyObject, randomBytes, type ScryptOptions, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { encodeContext } from './context.ts'
import { WaxsealError, WaxsealTypeError } from './errors.ts'
import type { EncryptionContext, GeneratedDataKey, Keyring, UnwrappedDataKey, WrappedKey } from './keyring.ts'
import { DATA_KEY_BYTES, openPayload, SALT_BYTES, sealedLength, sealPayload } from './payload.ts'
import { KEYRING, SCRYPT_LIMITS, SCRYPT_PARAMETERS_BYTES, SCRYPT_SALT_BYTES } from './record.ts'
import { keyMismatch } from './verdict.ts'

const scryptBytes = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt)
const KEY_BYTES = 32
const MIN_PASSPHRASE_CHARACTERS = 16
const KID = /^[\x21-\x7e]{1,64}$/
const SALT_LABEL = 'waxseal-passphrase-salt-v2'
const WRAP_LABEL = Buffer.from('waxseal-passphrase-v2', 'latin1')

export interface PassphraseKeyringOptions {
  /** At least 16 characters, from wherever the deployment keeps secrets. Taken as it is, without normalisation. */
  readonly passphrase: string | undefined
  /**
   * Names the passphrase in records: 1 to 64 characters of printable ASCII without spaces, public. Take one that is the
   * app's own, since the salt follows from it, and another one for another passphrase.
   */
  readonly kid: string
  /** 16 bytes, public. Default: derived from `kid`. */
  readonly salt?: Uint8Array
  /** Cost of scrypt in time and memory (128 · `N` · `r` bytes): a power of two, 2^10 to 2^20. Default 2^17, 128 MiB. */
  readonly N?: number
  /** Block size of scrypt, 1 to 16. Default 8. */
  readonly r?: number
  /** How many times over scrypt computes, 1 to 16. Default 1. */
  readonly p?: number
}

/**
 * A keyring whose one key follows from a passphrase by scrypt: for one machine, or as a second keyring of a
 * {@link multiKeyring} that opens records when nothing else is left but the passphrase. Random root keys
 * ({@link localKeyring}) cannot be guessed; a passphrase can, by whoever has a record.
 *
 * scrypt runs once per keyring, in Node's thread pool, when the first data key is wrapped or unwrapped. Salt and cost
 * stand in every record, and must be those of the configuration: a record that names others is
 * `ERR_WAXSEAL_KEY_MISMATCH`, and nothing is computed for it. To change them, or the passphrase, take a new `kid` and move
 * the records: `multiKeyring([new, old])` and `envelope.rewrap`.
 *
 * Errors of its calls: `ERR_WAXSEAL_KEY_MISMATCH`; `ERR_WAXSEAL_INTEGRITY` when passphrase, encryption context or bytes
 * are wrong, not told apart; `ERR_WAXSEAL_KEY_UNAVAILABLE` (retryable) when scrypt fails, for want of memory for instance.
 *
 * @throws WaxsealError `ERR_WAXSEAL_CONFIG` for a passphrase that is missing, too short or ill-formed Unicode;
 *   WaxsealTypeError for any other option. No message quotes the passphrase.
 * @example
 * const keyring = passphraseKeyring({ passphrase: process.env.WAXSEAL_PASSPHRASE, kid: 'shop-2026' })
 */
export function passphraseKeyring(options: PassphraseKeyringOptions): Keyring {
  const { kid } = options
  const passphrase = checkPassphrase(options.passphrase)
  const parameters = encodeParameters(options)
  let derivation: Promise<PassphraseKey> | undefined
  const wrappingKey = (): Promise<PassphraseKey> => {
    // Everybody waits for the same scrypt; the next call after a failed one tries again.
    derivation ??= deriveKey(passphrase, parameters)
      .then((key) => ({ kid, parameters, key }))
      .catch((cause) => {
        derivation = undefined
        throw new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'Waxseal: scrypt failed', { cause, retryable: true })
      })
    return derivation
  }
  const wrap = async (plaintextKey: Uint8Array, encryptionContext: EncryptionContext): Promise<WrappedKey[]> => {
    const wrapped = wrapDataKey(await wrappingKey(), plaintextKey, encryptionContext)
    return [{ keyringId: KEYRING.passphrase, kid, wrapped }]
  }
  return {
    async generateDataKey(encryptionContext): Promise<GeneratedDataKey> {
      // After scrypt: a key that nobody gets would have to be wiped.
      await wrappingKey()
      const plaintextKey = randomBytes(DATA_KEY_BYTES)
      return { plaintextKey, wrappedKeys: await wrap(plaintextKey, encryptionContext) }
    },
    wrapDataKey: wrap,
    async unwrapDataKey(wrappedKeys, encryptionContext): Promise<UnwrappedDataKey> {
      const wrappedKey = wrappedKeys.find((key) => key.keyringId === KEYRING.passphrase && key.kid === kid)
      if (wrappedKey === undefined) throw keyMismatch()
      const { wrapped } = wrappedKey
      // Before any scrypt: the cost of a read is not for whoever planted the record to choose.
      if (Buffer.compare(wrapped.subarray(0, SCRYPT_PARAMETERS_BYTES), parameters) !== 0) {
        throw keyMismatch(`the record has another salt or other scrypt parameters than the keyring has for ${kid}`)
      }
      const { key } = await wrappingKey()
      const context = wrapContext(kid, parameters, encryptionContext)
      return { plaintextKey: openPayload(key, context, wrapped.subarray(SCRYPT_PARAMETERS_BYTES)), wrappedKey }
    },
  }
}

interface PassphraseKey {
  readonly kid: string
  readonly parameters: Uint8Array
  readonly key: KeyObject
}

/** scrypt's cost and salt as a wrapped key begins with them. */
export function encodeParameters({
  kid,
  salt,
  N = 2 ** 17,
  r = 8,
  p = 1,
}: Omit<PassphraseKeyringOptions, 'passphrase'>): Uint8Array {
  if (typeof kid !== 'string' || !KID.test(kid)) {
    throw misuse('kid must be 1 to 64 characters of printable ASCII without spaces')
  }
  if (salt !== undefined && !(salt instanceof Uint8Array && salt.length === SCRYPT_SALT_BYTES)) {
    throw misuse(`salt must have ${SCRYPT_SALT_BYTES} bytes`)
  }
  const log2N = Math.log2(N)
  for (const [name, value] of Object.entries({ log2N, r, p })) {
    const [least, most] = SCRYPT_LIMITS[name as keyof typeof SCRYPT_LIMITS]
    if (Number.isInteger(value) && least <= value && value <= most) continue
    throw misuse(
      name === 'log2N' ? `N must be a power of two, 2^${least} to 2^${most}` : `${name} must be ${least} to ${most}`,
    )
  }
  return Uint8Array.of(log2N, r, p, ...(salt ?? defaultSalt(kid)))
}

/** A data key under the key of a passphrase: parameters ‖ payload. Only vectors name a salt. */
export function wrapDataKey(
  { kid, parameters, key }: PassphraseKey,
  dataKey: Uint8Array,
  encryptionContext: EncryptionContext,
  salt: Uint8Array = randomBytes(SALT_BYTES),
): Uint8Array {
  const wrapped = new Uint8Array(parameters.length + sealedLength(dataKey.length))
  wrapped.set(parameters)
  wrapped.set(salt, parameters.length)
  sealPayload(key, wrapContext(kid, parameters, encryptionContext), dataKey, wrapped, parameters.length)
  return wrapped
}

/** All that stands beside the payload, under a label that no other keyring has. */
function wrapContext(kid: string, parameters: Uint8Array, encryptionContext: EncryptionContext): Uint8Array {
  const name = Buffer.from(kid, 'latin1')
  return Buffer.concat([WRAP_LABEL, parameters, Uint8Array.of(name.length), name, encodeContext(encryptionContext)])
}

async function deriveKey(passphrase: string, parameters: Uint8Array): Promise<KeyObject> {
  const [log2N, r, p] = parameters as unknown as [number, number, number]
  const N = 2 ** log2N
  // Exactly what OpenSSL asks for; Node's default of 32 MiB is below any cost worth having.
  const maxmem = 128 * r * (N + p + 2)
  const salt = parameters.subarray(SCRYPT_PARAMETERS_BYTES - SCRYPT_SALT_BYTES)
  // In memory of its own: Buffer.from takes it out of a pool.
  const secret = new TextEncoder().encode(passphrase)
  try {
    const bytes = await scryptBytes(secret, salt, KEY_BYTES, { N, r, p, maxmem })
    const key = createSecretKey(bytes)
    bytes.fill(0)
    return key
  } finally {
    secret.fill(0)
  }
}

function defaultSalt(kid: string): Uint8Array {
  return createHash('sha256').update(SALT_LABEL).update(kid, 'latin1').digest().subarray(0, SCRYPT_SALT_BYTES)
}

function checkPassphrase(passphrase: string | undefined): string {
  if (typeof passphrase !== 'string' || passphrase === '') throw configError('is not set')
  // Replacement characters would make one passphrase out of many.
  if (!passphrase.isWellFormed()) throw configError('is ill-formed Unicode')
  if ([...passphrase].length < MIN_PASSPHRASE_CHARACTERS) {
    throw configError(`is shorter than ${MIN_PASSPHRASE_CHARACTERS} characters`)
  }
  return passphrase
}

function configError(problem: string): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_CONFIG', `Waxseal: the passphrase of passphraseKeyring ${problem}`)
}

function misuse(problem: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${problem}`)
}
