import { allEnded } from './all-ended.ts'
import { WaxsealError, WaxsealTypeError } from './errors.ts'
import type { EncryptionContext, GeneratedDataKey, Keyring, UnwrappedDataKey, WrappedKey } from './keyring.ts'
import { MAX_WRAPPED_KEYS } from './record.ts'
import { hasCode, verdict } from './verdict.ts'

/**
 * Several keyrings as one: the first generates data keys, every other one wraps the same data key too, and any one opens.
 * They are asked in this order, one after another and each at most once, until one opens; so a key service that does not
 * answer takes the time it has before the next keyring is asked.
 *
 * Two uses. *Moving from one keyring to another*: with the new one first, records sealed before still open, and
 * `envelope.rewrap` moves them; then take the old one out. *Break-glass*: a second keyring opens records after the key
 * service is lost for good.
 *
 * Whatever opens a record vouches for it: while a process holds a root key or a passphrase beside AWS KMS, disabling the
 * KMS key ends nothing for that process. An app that must be cut off by KMS takes a second KMS key instead
 * (`alsoWrapFor`, or another AWS account through a second `awsKmsKeyring`).
 *
 * New data keys need every keyring. Of several failures, denied access is reported only if all of them are that, so that
 * an outage of one never looks like a revocation. Items of version 1 go to the first keyring that has them.
 *
 * Errors of its calls: those of the keyrings; `ERR_WAXSEAL_CONFIG` when they wrap a data key more than 8 times in all.
 *
 * @param keyrings 1 to 8; two of them must not wrap under the same key
 * @throws WaxsealTypeError
 * @example
 * const keyring = multiKeyring([awsKmsKeyring({ client, keyId }), localKeyring(process.env.WAXSEAL_KEYS)])
 */
export function multiKeyring(keyrings: readonly Keyring[]): Keyring {
  if (!Array.isArray(keyrings) || !keyrings.every((keyring) => typeof keyring?.generateDataKey === 'function')) {
    throw misuse('multiKeyring takes an array of keyrings')
  }
  const [first, ...others] = keyrings as Keyring[]
  if (first === undefined || keyrings.length > MAX_WRAPPED_KEYS) {
    throw misuse(`multiKeyring takes 1 to ${MAX_WRAPPED_KEYS} keyrings`)
  }
  const all = [first, ...others]
  const version1 = all.find((keyring) => keyring.version1 !== undefined)?.version1
  return {
    async generateDataKey(encryptionContext): Promise<GeneratedDataKey> {
      const { plaintextKey, wrappedKeys } = await first.generateDataKey(encryptionContext)
      try {
        const further = await wrapForEach(others, plaintextKey, encryptionContext)
        return { plaintextKey, wrappedKeys: checkCount([...wrappedKeys, ...further]) }
      } catch (error) {
        plaintextKey.fill(0)
        throw error
      }
    },
    async wrapDataKey(plaintextKey, encryptionContext): Promise<readonly WrappedKey[]> {
      return checkCount(await wrapForEach(all, plaintextKey, encryptionContext))
    },
    async unwrapDataKey(wrappedKeys, encryptionContext): Promise<UnwrappedDataKey> {
      const failures: unknown[] = []
      for (const keyring of all) {
        try {
          return await keyring.unwrapDataKey(wrappedKeys, encryptionContext)
        } catch (error) {
          failures.push(error)
        }
      }
      // A keyring that has none of the keys was not asked for anything.
      const asked = failures.filter((error) => !hasCode(error, 'ERR_WAXSEAL_KEY_MISMATCH'))
      throw verdict(asked.length > 0 ? asked : failures)
    },
    ...(version1 !== undefined && { version1 }),
  }
}

async function wrapForEach(
  keyrings: readonly Keyring[],
  plaintextKey: Uint8Array,
  encryptionContext: EncryptionContext,
): Promise<WrappedKey[]> {
  const wrapped = await allEnded(keyrings.map(async (keyring) => keyring.wrapDataKey(plaintextKey, encryptionContext)))
  return wrapped.flat()
}

function checkCount(wrappedKeys: readonly WrappedKey[]): readonly WrappedKey[] {
  if (wrappedKeys.length <= MAX_WRAPPED_KEYS) return wrappedKeys
  throw new WaxsealError(
    'ERR_WAXSEAL_CONFIG',
    `Waxseal: the keyrings of multiKeyring wrap a data key ${wrappedKeys.length} times, and a record holds ${MAX_WRAPPED_KEYS}`,
  )
}

function misuse(problem: string): WaxsealTypeError {
  return new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `Waxseal: ${problem}`)
}
