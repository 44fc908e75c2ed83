import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Configuration, JWK, Provider } from 'oidc-provider'
import { onTestFinished, vi } from 'vitest'
import { clientId, clientSecret } from './ask.ts'

export interface OpenIdProvider {
  readonly issuer: string
  /** Paths that were asked for. */
  readonly asked: string[]
  /** Refresh token of a new grant, as after a sign-in. */
  issue(): Promise<string>
  /** Whether an access token is still one. */
  isActive(accessToken: string): Promise<boolean>
}

/** A real OpenID provider that rotates refresh tokens, and ends the grant when a spent one comes again. */
export async function startOpenIdProvider(
  authentication: 'client_secret_basic' | 'client_secret_post' = 'client_secret_basic',
): Promise<OpenIdProvider> {
  const asked: string[] = []
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = await createProvider(issuer, configuration(authentication))
  const answer = provider.callback()
  server.on('request', (request, response) => {
    asked.push(request.url ?? '')
    void answer(request, response)
  })
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  return {
    issuer,
    asked,
    async issue() {
      const accountId = 'ada@example.com'
      const grant = new provider.Grant({ clientId, accountId })
      grant.addOIDCScope('openid offline_access email')
      const client = await provider.Client.find(clientId)
      if (client === undefined) throw new Error('no such client')
      const token = new provider.RefreshToken({
        client,
        accountId,
        grantId: await grant.save(),
        scope: 'openid offline_access email',
        gty: 'authorization_code',
        authTime: Math.floor(Date.now() / 1000),
        expiresWithSession: false,
        rotations: 0,
        sessionUid: randomUUID(),
      })
      return token.save()
    },
    async isActive(accessToken) {
      return (await provider.AccessToken.find(accessToken)) !== undefined
    },
  }
}

/** It asks for Node 22 and for an adapter while it loads; what is used of it here runs on Node 20 and in memory. */
async function createProvider(issuer: string, settings: Configuration): Promise<Provider> {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  try {
    const { Provider } = await import('oidc-provider')
    return new Provider(issuer, settings)
  } finally {
    warn.mockRestore()
  }
}

function configuration(authentication: 'client_secret_basic' | 'client_secret_post'): Configuration {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' } as JWK
  return {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: ['https://app.example.com/back'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: authentication,
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [jwk] },
    cookies: { keys: ['only for this test'] },
    features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    rotateRefreshToken: () => true,
    ttl: { AccessToken: 3600, IdToken: 3600, Grant: 86_400, RefreshToken: 86_400 },
  }
}
