import { randomBytes } from 'node:crypto'
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node'
import type { Operation } from './operation.ts'

const { encrypt } = buildClient(CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)

/** AWS's Encryption SDK in its best case: caching, no signatures, no commitment, one encryption context, no KMS. */
export function esdkSealers(plaintext: Buffer): Record<string, Operation> {
  const keyring = new RawAesKeyringNode({
    keyName: 'bench',
    keyNamespace: 'bench',
    unencryptedMasterKey: randomBytes(32),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  })
  const options = {
    suiteId: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA256,
    encryptionContext: { app: 'bench', purpose: 'session' },
    plaintextLength: plaintext.length,
  }
  const sealer = (): Operation => {
    const cache = getLocalCryptographicMaterialsCache(100)
    const manager = new NodeCachingMaterialsManager({ backingMaterials: keyring, cache, maxAge: 3_600_000 })
    return () => encrypt(manager, plaintext, options)
  }
  return { esdk: sealer(), control: sealer() }
}
