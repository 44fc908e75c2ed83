import { createSecretKey, type KeyObject, randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { WaxsealError } from '../errors.ts'

const MIN_CHARACTERS = 32
const KEY_BYTES = 32
/** Of version 1, for good: no stored value says otherwise, so none can ask for more. */
const COST = { N: 16_384, r: 8, p: 1 }

const scryptBytes = promisify<Uint8Array, Uint8Array, number, typeof COST, Buffer>(scrypt)

/** A new value for `ENCRYPTION_SECRET`: 32 random bytes in 43 characters. */
export function generateEncryptionSecret(): string {
  return randomBytes(32).toString('base64url')
}

export interface SecretOptions {
  /** 32 characters or more. Default: the environment variable `ENCRYPTION_SECRET`, read at each call. */
  readonly secret?: string | undefined
}

/**
 * For an app to call when it starts, so that a secret that is missing is found then and not by its first user.
 * @throws WaxsealError `ERR_WAXSEAL_CONFIG` when the secret is not set, or has less than 32 characters.
 */
export function checkEncryptionSecret(options: SecretOptions = {}): void {
  secretOf(options)
}

/** @throws WaxsealError `ERR_WAXSEAL_CONFIG` */
export function secretOf(options: SecretOptions): string {
  // An option that is given and undefined is a variable that was not set: the default would be another secret.
  const secret = 'secret' in options ? options.secret : process.env.ENCRYPTION_SECRET
  if (typeof secret !== 'string' || secret === '') {
    throw configError('is not set; generateEncryptionSecret() makes a value for it')
  }
  if (secret.length < MIN_CHARACTERS) throw configError(`has less than ${MIN_CHARACTERS} characters`)
  return secret
}

/** Ends with the last scrypt that was asked for; keeps nothing of it. */
let queue: Promise<void> = Promise.resolve()

/**
 * The key of one value. One scrypt at a time in this process: each holds a thread of Node's pool, of which there are 4 by
 * default, for tens of milliseconds, and a list of stored values must not take them all from files, DNS and the rest.
 */
export function deriveKey(secret: string, salt: Uint8Array): Promise<KeyObject> {
  const key = queue.then(() => runScrypt(secret, salt))
  const ended = (): void => {}
  queue = key.then(ended, ended)
  return key
}

async function runScrypt(secret: string, salt: Uint8Array): Promise<KeyObject> {
  // In memory of its own: Node would encode a string into its shared pool.
  const secretBytes = new TextEncoder().encode(secret)
  try {
    const bytes = await scryptBytes(secretBytes, salt, KEY_BYTES, COST)
    const key = createSecretKey(bytes)
    bytes.fill(0)
    return key
  } catch (cause) {
    throw new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'Waxseal: scrypt failed', { cause, retryable: true })
  } finally {
    secretBytes.fill(0)
  }
}

function configError(problem: string): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_CONFIG', `Waxseal: ENCRYPTION_SECRET ${problem}`)
}
