import { WaxsealTypeError } from '../errors.ts'
import type { EncryptionContext, GeneratedDataKey, Keyring, UnwrappedDataKey, WrappedKey } from '../keyring.ts'
import { KEYRING, MAX_WRAPPED_KEYS } from '../record.ts'
import { verdict } from '../verdict.ts'
import { parseKeyName } from './key-name.ts'
import { type KmsClientLike, KmsConnection } from './kms-connection.ts'
import { KmsAlias, KmsKey } from './kms-key.ts'
import { version1DataKeys } from './version1.ts'

/** A key in another Region, with a client of that Region. */
export interface KmsKeyInRegion {
  readonly client: KmsClientLike
  /** The ARN or id of a key there; no alias. */
  readonly keyId: string
}

export interface AwsKmsKeyringOptions {
  /** A `KMSClient` of the Region that `keyId` is in. The caller owns it and destroys it. */
  readonly client: KmsClientLike
  /**
   * The symmetric key that wraps new data keys: its ARN, its id (of the client's Region), or an alias. A key of its own
   * is also one that unwraps. An alias is not, since it can be pointed elsewhere: list the keys that it stands for in
   * `decryptKeyIds`. What it stands for is asked once; a process follows a moved alias after a restart.
   */
  readonly keyId: string | undefined
  /** ARNs or ids of further keys in the client's Region that unwrap, those of a rotation for instance. Default none. */
  readonly decryptKeyIds?: readonly string[]
  /**
   * Keys of other Regions, at most 7; default none. Every new data key is wrapped under each of them too (one `Encrypt`
   * per key), so that one Region is enough to open a record. New data keys need all of them.
   */
  readonly alsoWrapFor?: readonly KmsKeyInRegion[]
}

/**
 * A keyring whose keys never leave AWS KMS. A data key comes from `GenerateDataKey` with the encryption context; records
 * name the KMS key as `region:key-id`, without the account number. `Decrypt` is asked only under a key of this
 * configuration that the record names, and the answer must name that same key. A multi-Region key unwraps what its
 * replicas wrapped. Does no I/O until first used; each call to KMS ends after 3 seconds, the SDK's retries included.
 *
 * IAM actions needed: `kms:GenerateDataKey` and `kms:Decrypt` on `keyId`, `kms:Decrypt` on `decryptKeyIds`,
 * `kms:Encrypt` and `kms:Decrypt` on `alsoWrapFor`.
 *
 * Errors of its calls:
 * - `ERR_WAXSEAL_KEY_DENIED`: KMS answers that a configured key is not ours to use (access denied, key disabled,
 *   pending deletion or not there).
 * - `ERR_WAXSEAL_KEY_UNAVAILABLE` (retryable): KMS cannot be asked now (time-out, network, throttling, 5xx, credentials
 *   that have expired or are not accepted).
 * - `ERR_WAXSEAL_KEY_MISMATCH`: the record names no key of this configuration; KMS was not asked.
 * - `ERR_WAXSEAL_INTEGRITY`: the wrapped key is not of that KMS key and encryption context, or KMS answered for a key
 *   that was not asked for.
 * - `ERR_WAXSEAL_CONFIG`: no Region, no credentials, or a key that cannot serve; the message names what to set.
 *
 * When a record has several wrapped keys of ours, each is tried until one opens.
 *
 * @throws WaxsealError `ERR_WAXSEAL_CONFIG` for a `keyId` that is missing or no key's name, or an alias without
 *   `decryptKeyIds`; WaxsealTypeError for a client that is none, or more than 7 `alsoWrapFor`.
 * @example
 * const keyring = awsKmsKeyring({ client: new KMSClient({}), keyId: process.env.KMS_KEY_ARN })
 * const envelope = createEnvelope({ keyring, encryptionContext: { app: 'shop' } })
 */
export function awsKmsKeyring(options: AwsKmsKeyringOptions): Keyring {
  const { keyId, decryptKeyIds = [], alsoWrapFor = [] } = options
  if (alsoWrapFor.length >= MAX_WRAPPED_KEYS) {
    throw misuse(`alsoWrapFor has more keys than a record holds beside keyId: ${MAX_WRAPPED_KEYS - 1}`)
  }
  const connection = connect(options.client)
  const listed = decryptKeyIds.map((id) => new KmsKey(connection, parseKeyName(id, 'decryptKeyIds')))
  const name = parseKeyName(keyId, 'keyId')
  const source = name.isAlias ? new KmsAlias(connection, name, listed) : new KmsKey(connection, name)
  const extra = alsoWrapFor.map(({ client, keyId }) => new KmsKey(connect(client), parseKeyName(keyId, 'alsoWrapFor')))
  const unwrapping = [...(source instanceof KmsKey ? [source] : []), ...listed, ...extra]
  return {
    async generateDataKey(encryptionContext): Promise<GeneratedDataKey> {
      const { plaintextKey, wrappedKeys } = await source.generate(encryptionContext)
      try {
        return {
          plaintextKey,
          wrappedKeys: [...wrappedKeys, ...(await wrapForEach(extra, plaintextKey, encryptionContext))],
        }
      } catch (error) {
        plaintextKey.fill(0)
        throw error
      }
    },
    wrapDataKey(plaintextKey, encryptionContext): Promise<WrappedKey[]> {
      return wrapForEach([source, ...extra], plaintextKey, encryptionContext)
    },
    unwrapDataKey(wrappedKeys, encryptionContext): Promise<UnwrappedDataKey> {
      const ours = wrappedKeys.filter(({ keyringId }) => keyringId === KEYRING.awsKms)
      return unwrap(unwrapping, ours, encryptionContext)
    },
    version1: version1DataKeys(source, unwrapping),
  }
}

async function wrapForEach(
  keys: readonly Pick<KmsKey, 'wrap'>[],
  plaintextKey: Uint8Array,
  encryptionContext: EncryptionContext,
): Promise<WrappedKey[]> {
  // All of them have ended before one failure is passed on: the caller then wipes the bytes that they read.
  const results = await Promise.allSettled(keys.map((key) => key.wrap(plaintextKey, encryptionContext)))
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/**
 * In the order of the configuration, with at most one call for each configured key, whatever a record lists. A Region
 * that did not answer last time comes last: waiting for it at every data key would take the time that an app has.
 */
async function unwrap(
  keys: readonly KmsKey[],
  wrappedKeys: readonly WrappedKey[],
  encryptionContext: EncryptionContext,
): Promise<UnwrappedDataKey> {
  const failures: unknown[] = []
  for (const key of [...keys].sort((a, b) => Number(a.isSilent) - Number(b.isSilent))) {
    const wrappedKey = await key.find(wrappedKeys)
    if (wrappedKey === undefined) continue
    try {
      return { plaintextKey: await key.unwrap(wrappedKey, encryptionContext), wrappedKey }
    } catch (error) {
      failures.push(error)
    }
  }
  throw verdict(failures)
}

function connect(client: KmsClientLike): KmsConnection {
  if (typeof client?.send !== 'function' || typeof client.config?.region !== 'function') {
    throw misuse('awsKmsKeyring needs a KMSClient')
  }
  return new KmsConnection(client)
}

function misuse(message: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${message}`)
}
