// The older text format, behind a subpath that needs nothing else.
const assert = require('node:assert/strict')

module.exports = async function exerciseVersion1({ core, version1 }) {
  process.env.ENCRYPTION_SECRET = version1.generateEncryptionSecret()
  const stored = await version1.encrypt('wax')
  assert.equal(await version1.decrypt(stored), 'wax')
  process.env.ENCRYPTION_SECRET = version1.generateEncryptionSecret()
  const refused = await version1.decrypt(stored).catch((error) => error)
  assert.equal(refused.code, 'ERR_WAXSEAL_INTEGRITY')
  assert.equal(refused.constructor, core.WaxsealError)
}
