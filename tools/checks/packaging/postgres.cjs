// Store and vault know a database by Drizzle's own mark, whichever copy of Drizzle made it; nothing answers at port 9.
const assert = require('node:assert/strict')

module.exports = async function exercisePostgres({ core, postgres, vault, nodePostgres }) {
  const { createEnvelope, generateKey, localKeyring, WaxsealError } = core
  const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'packaging' } })
  const db = nodePostgres.drizzle('postgres://127.0.0.1:9/nothing')
  const store = new postgres.PostgresSessionStore({ db, table: postgres.pgSessionTable('sessions'), envelope })
  const error = await store.get('an-id').catch((reason) => reason)
  assert.ok(error instanceof WaxsealError)
  assert.equal(error.code, 'ERR_WAXSEAL_STORE_UNAVAILABLE')
  await store.dispose()

  const table = vault.createTokenVaultTable({ name: 'tokens' })
  const tokens = vault.createTokenVault({ db, table, envelope, providers: { google: {} } })
  assert.ok(tokens instanceof vault.TokenVaultService)
  const unreachable = await tokens.getAccessToken('t1', 'google').catch((reason) => reason)
  assert.equal(unreachable.code, 'ERR_WAXSEAL_STORE_UNAVAILABLE')
  const unknown = await tokens.getAccessToken('t1', 'other').catch((reason) => reason)
  assert.ok(unknown instanceof TypeError && unknown instanceof WaxsealError)
  await tokens.dispose()
  await envelope.dispose()
}
