// What an app does with the packages, whichever module system it got them from.
const assert = require('node:assert/strict')
const { randomUUID } = require('node:crypto')

module.exports = async function exercise({ core, dynamodb, DynamoDBClient }, endpoint) {
  const { createEnvelope, generateKey, localKeyring, WaxsealError } = core
  const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'packaging' } })
  const record = await envelope.seal('wax', { row: '1' })
  assert.equal(await envelope.openText(record, { row: '1' }), 'wax')
  const refused = await envelope.openText(record, { row: '2' }).catch((error) => error)
  assert.equal(refused.code, 'ERR_WAXSEAL_INTEGRITY')
  assert.ok(refused instanceof WaxsealError)

  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials })
  const tableName = `packaging-${randomUUID()}`
  await dynamodb.createSessionTable({ client, tableName })
  const store = new dynamodb.DynamoDBSessionStore({ client, tableName, envelope })
  await store.set('an-id', { cookie: {}, user: 'ada' })
  assert.equal((await store.get('an-id')).user, 'ada')
  await store.destroy('an-id')
  assert.equal(await store.get('an-id'), null)
  await envelope.dispose()
  client.destroy()
  return { refused, misuse: await store.get('').catch((error) => error) }
}
