// openid-client is an ES module alone, and must come along by `require` as well.
const assert = require('node:assert/strict')
const { once } = require('node:events')
const { createServer } = require('node:http')

module.exports = async function exerciseProviders({ vault, providers }) {
  const server = createServer((_, response) => response.end('{"error":"invalid_grant"}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const app = { clientId: 'id', clientSecret: 'secret' }
  const acme = providers.oauthProvider({ tokenEndpoint: `http://127.0.0.1:${server.address().port}`, ...app })
  const signal = AbortSignal.timeout(5000)
  const error = await acme.refresh({ refreshToken: 'rt' }, { signal }).catch((reason) => reason)
  // The class of the main entry: the subpath must not bring a copy of its own.
  assert.ok(error instanceof vault.ProviderError)
  assert.equal(error.error, 'invalid_grant')
  assert.equal(providers.googleProvider(app).rotates, false)
  server.closeAllConnections()
  server.close()
}
