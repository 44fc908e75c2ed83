import type { UnwrappedDataKey, Version1DataKeys } from '../keyring.ts'
import { verdict } from '../verdict.ts'
import { OtherKeyError } from './errors.ts'
import type { KmsKey } from './kms-key.ts'

/**
 * Data keys as version 1 has them: without encryption context, and without a name of the KMS key beside them, so that
 * every key of the configuration may have to be asked. Left to find the key by the ciphertext alone, KMS would unwrap
 * what an attacker wrapped under a key of their own.
 */
export function version1DataKeys(source: Pick<KmsKey, 'generate'>, unwrapping: readonly KmsKey[]): Version1DataKeys {
  return {
    generateDataKey: () => source.generate(undefined),
    async unwrapDataKey(wrapped): Promise<UnwrappedDataKey> {
      const failures: unknown[] = []
      for (const key of unwrapping) {
        try {
          return await key.unwrap({ wrapped }, undefined)
        } catch (error) {
          if (!(error instanceof OtherKeyError)) failures.push(error)
        }
      }
      throw verdict(failures)
    },
  }
}
