// What is behind subpaths, and needs the optional peer: a KMS for tests, and a keyring that asks it.
const assert = require('node:assert/strict')

module.exports = async function exerciseKms({ core, awsKms, testingKms, KMSClient }) {
  const kms = await testingKms.startFakeKms()
  const client = new KMSClient(kms.clientConfig())
  const keyring = awsKms.awsKmsKeyring({ client, keyId: kms.createKey() })
  const envelope = core.createEnvelope({ keyring, encryptionContext: { app: 'packaging' } })
  const record = await envelope.seal('wax', { row: '1' })
  assert.equal(await envelope.openText(record, { row: '1' }), 'wax')
  const foreign = awsKms.awsKmsKeyring({ client, keyId: kms.createKey() })
  const other = core.createEnvelope({ keyring: foreign, encryptionContext: { app: 'packaging' } })
  const refused = await other.openText(record, { row: '1' }).catch((error) => error)
  assert.equal(refused.code, 'ERR_WAXSEAL_KEY_MISMATCH')
  // The very class, not one of the same brand: the entries of a package share their modules.
  assert.equal(refused.constructor, core.WaxsealError)
  client.destroy()
  await kms.close()
}
