import {
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  KMS,
  KmsKeyringNode,
  NodeCachingMaterialsManager,
} from '@aws-crypto/client-node'

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)

/** AWS's Encryption SDK under a KMS key, with its cache. */
export function esdk(endpoint: string, keyId: string) {
  const client = new KMS({
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'fake', secretAccessKey: 'fake' },
  })
  // `never`, because its types know no exactOptionalPropertyTypes.
  const manager = new NodeCachingMaterialsManager({
    backingMaterials: new KmsKeyringNode({ generatorKeyId: keyId, clientProvider: () => client as never }),
    cache: getLocalCryptographicMaterialsCache(10_000),
    maxAge: 3_600_000,
  })
  return {
    seal: async (encryptionContext: Record<string, string>): Promise<Buffer> =>
      (await encrypt(manager, 'x', { encryptionContext, plaintextLength: 1 })).result,
    open: async (message: Buffer): Promise<Buffer> => (await decrypt(manager, message)).plaintext,
  }
}
