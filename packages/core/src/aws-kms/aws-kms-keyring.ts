import { allEnded } from '../all-ended.ts'
import { WaxsealTypeError } from '../errors.ts'
import type { EncryptionContext, GeneratedDataKey, Keyring, UnwrappedDataKey, WrappedKey } from '../keyring.ts'
import { KEYRING, MAX_WRAPPED_KEYS } from '../record.ts'
import { verdict } from '../verdict.ts'
import { type KeyName, parseKeyName } from './key-name.ts'
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
  /**
   * Refuses data keys that are under key material older than this: after a data key may have leaked, rotate the material of
   * every key (`RotateKeyOnDemand`), set this to a date between leak and rotation, and seal anew what is to stay. Records
   * carry no date that could be believed; the date is that of the key material, from `ListKeyRotations`. A key's first
   * material has none and is always too old. Default: data keys of any age. See docs/decisions/0005-minimum-key-date.md.
   */
  readonly minimumKeyDate?: Date
}

/**
 * A keyring whose keys never leave AWS KMS. A data key comes from `GenerateDataKey` with the encryption context; records
 * name the KMS key as `region:key-id`, without the account number. `Decrypt` is asked only under a key of this
 * configuration that the record names, and the answer must name that same key. A multi-Region key unwraps what its
 * replicas wrapped. Does no I/O until first used; each call to KMS ends after 3 seconds, the SDK's retries included.
 *
 * IAM actions needed: `kms:GenerateDataKey` and `kms:Decrypt` on `keyId`, `kms:Decrypt` on `decryptKeyIds`,
 * `kms:Encrypt` and `kms:Decrypt` on `alsoWrapFor`. To rewrap: `kms:ReEncryptFrom` on the keys that records are under and
 * `kms:ReEncryptTo` on `keyId`; with `alsoWrapFor`, `kms:Decrypt` and `kms:Encrypt` instead. With `minimumKeyDate`:
 * `kms:ListKeyRotations` on each of them, which have to be of the caller's own account.
 *
 * Errors of its calls:
 * - `ERR_WAXSEAL_KEY_DENIED`: KMS answers that a configured key is not ours to use (access denied, key disabled,
 *   pending deletion or not there).
 * - `ERR_WAXSEAL_KEY_UNAVAILABLE` (retryable): KMS cannot be asked now (time-out, network, throttling, 5xx, credentials
 *   that have expired or are not accepted).
 * - `ERR_WAXSEAL_KEY_MISMATCH`: the record names no key of this configuration, and KMS was not asked; or its data key is
 *   under key material from before `minimumKeyDate`.
 * - `ERR_WAXSEAL_INTEGRITY`: the wrapped key is not of that KMS key and encryption context, or KMS answered for a key
 *   that was not asked for.
 * - `ERR_WAXSEAL_CONFIG`: no Region, no credentials, or a key that cannot serve (its current material is from before
 *   `minimumKeyDate`, for instance); the message names what to set.
 *
 * When a record has several wrapped keys of ours, each is tried until one opens.
 *
 * @throws WaxsealError `ERR_WAXSEAL_CONFIG` for a `keyId` that is missing or no key's name, or an alias without
 *   `decryptKeyIds`; WaxsealTypeError for a client that is none, more than 7 `alsoWrapFor`, or no valid date.
 * @example
 * const keyring = awsKmsKeyring({ client: new KMSClient({}), keyId: process.env.KMS_KEY_ARN })
 * const envelope = createEnvelope({ keyring, encryptionContext: { app: 'shop' } })
 */
export function awsKmsKeyring(options: AwsKmsKeyringOptions): Keyring {
  const { keyId, decryptKeyIds = [], alsoWrapFor = [], minimumKeyDate } = options
  if (alsoWrapFor.length >= MAX_WRAPPED_KEYS) {
    throw misuse(`alsoWrapFor has more keys than a record holds beside keyId: ${MAX_WRAPPED_KEYS - 1}`)
  }
  if (minimumKeyDate !== undefined && !(minimumKeyDate instanceof Date && !Number.isNaN(minimumKeyDate.getTime()))) {
    throw misuse('minimumKeyDate must be a valid Date')
  }
  if (!Array.isArray(decryptKeyIds) || !Array.isArray(alsoWrapFor)) {
    throw misuse('decryptKeyIds and alsoWrapFor are arrays')
  }
  const connection = connect(options.client)
  const key = (on: KmsConnection, name: KeyName): KmsKey => new KmsKey(on, name, minimumKeyDate)
  const name = parseKeyName(keyId, 'keyId')
  // A key that is named twice is still asked once.
  const names = new Map(decryptKeyIds.map((id) => parseKeyName(id, 'decryptKeyIds')).map((each) => [each.id, each]))
  names.delete(name.id)
  const listed = [...names.values()].map((each) => key(connection, each))
  const source = name.isAlias ? new KmsAlias(connection, name, listed) : key(connection, name)
  const extra = alsoWrapFor.map(({ client, keyId }) => key(connect(client), parseKeyName(keyId, 'alsoWrapFor')))
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
      return firstToSucceed(unwrapping, wrappedKeys, (key, wrappedKey) => key.unwrap(wrappedKey, encryptionContext))
    },
    async rewrapDataKey(wrappedKeys, encryptionContext): Promise<WrappedKey[] | undefined> {
      // ReEncrypt makes one wrapped key, in the Region where it is called.
      if (extra.length > 0) return undefined
      return firstToSucceed(unwrapping, wrappedKeys, async (key, wrappedKey) => [
        await source.rewrap(key, wrappedKey, encryptionContext),
      ])
    },
    version1: version1DataKeys(source, unwrapping),
  }
}

function wrapForEach(
  keys: readonly Pick<KmsKey, 'wrap'>[],
  plaintextKey: Uint8Array,
  encryptionContext: EncryptionContext,
): Promise<WrappedKey[]> {
  return allEnded(keys.map((key) => key.wrap(plaintextKey, encryptionContext)))
}

/**
 * In the order of the configuration, with at most one call for each configured key, whatever a record lists. A Region
 * that did not answer last time comes last: waiting for it at every data key would take the time that an app has.
 */
async function firstToSucceed<Result>(
  keys: readonly KmsKey[],
  wrappedKeys: readonly WrappedKey[],
  use: (key: KmsKey, wrappedKey: WrappedKey) => Promise<Result>,
): Promise<Result> {
  const candidates = wrappedKeys.filter(({ keyringId }) => keyringId === KEYRING.awsKms)
  const failures: unknown[] = []
  for (const key of [...keys].sort((a, b) => Number(a.isSilent) - Number(b.isSilent))) {
    const wrappedKey = await key.find(candidates)
    if (wrappedKey === undefined) continue
    try {
      return await use(key, wrappedKey)
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
