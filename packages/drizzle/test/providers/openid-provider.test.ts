import { describe, expect, it } from 'vitest'
import { oauthProvider } from '../../src/providers/index.ts'
import { app, clientId, grant, refresh, refusal, revoke, silent } from './support/ask.ts'
import { startOpenIdProvider } from './support/openid-provider.ts'
import { json, startServer } from './support/provider-server.ts'

const discoveryPath = '/.well-known/openid-configuration'

/** The same server under an address that is not known to stay on this machine. */
const onAllAddresses = (origin: string) => origin.replace('127.0.0.1', '0.0.0.0')

describe('a provider that rotates refresh tokens', () => {
  it.each(['client_secret_basic', 'client_secret_post'] as const)('gives a chain of them, by %s', async (method) => {
    const { issuer, issue } = await startOpenIdProvider(method)
    const profile = oauthProvider({ issuer, ...app, clientAuthentication: method })
    const first = await refresh(profile, await issue())
    expect(first).toMatchObject({
      expires_in: 3600,
      access_token: expect.any(String),
      refresh_token: expect.any(String),
    })
    const second = await refresh(profile, first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
  })

  it('refuses one that was spent, and ends the grant', async () => {
    const { issuer, issue, isActive } = await startOpenIdProvider()
    const profile = oauthProvider({ issuer, ...app })
    const spent = await issue()
    const { access_token, refresh_token } = await refresh(profile, spent)
    expect(await isActive(access_token)).toBe(true)
    expect(await refusal(profile, spent)).toMatchObject({ error: 'invalid_grant', status: 400 })
    expect(await refusal(profile, refresh_token)).toMatchObject({ error: 'invalid_grant', status: 400 })
  })

  it('refuses an app that does not know its secret', async () => {
    const { issuer, issue } = await startOpenIdProvider()
    const profile = oauthProvider({ issuer, clientId, clientSecret: 'another' })
    expect(await refusal(profile, await issue())).toMatchObject({ error: 'invalid_client', status: 401 })
  })

  it('gives an access token for less where the scopes say so', async () => {
    const { issuer, issue } = await startOpenIdProvider()
    const profile = oauthProvider({ issuer, ...app, scopes: ['openid', 'email'] })
    expect(await refresh(profile, await issue())).toMatchObject({ scope: 'openid email' })
  })

  it('hears of a revocation: both tokens are of no use any more', async () => {
    const { issuer, issue, isActive } = await startOpenIdProvider()
    const profile = oauthProvider({ issuer, ...app })
    const { access_token, refresh_token = '' } = await refresh(profile, await issue())
    const token = (value: string) => ({ value, expiresAt: null, valid: true })
    const tokens = { access_token: token(access_token), refresh_token: token(refresh_token) }
    await revoke(profile, { ...grant, tokens })
    expect(await isActive(access_token)).toBe(false)
    expect(await refusal(profile, refresh_token)).toMatchObject({ error: 'invalid_grant' })
    await revoke(profile, { ...grant, tokens })
  })
})

describe('discovery', () => {
  it('happens at the first refresh, once for all', async () => {
    const { issuer, issue, asked } = await startOpenIdProvider()
    const profile = oauthProvider({ issuer, ...app })
    expect(asked).toEqual([])
    const tokens = await Promise.all(Array.from({ length: 5 }, issue))
    await Promise.all(tokens.map((token) => refresh(profile, token)))
    expect(asked.filter((path) => path === discoveryPath)).toHaveLength(1)
  })

  it('that fails puts no refresh token in doubt, and is tried again', async () => {
    let status = 500
    const { url, received } = await startServer(({ url: { origin, pathname } }, response) => {
      if (pathname === discoveryPath)
        return json(response, status, { issuer: origin, token_endpoint: `${origin}/token` })
      json(response, 200, { access_token: 'at2' })
    })
    const profile = oauthProvider({ issuer: url, ...app })
    expect(await refusal(profile)).toMatchObject({ error: 'temporarily_unavailable', status: 503 })
    status = 200
    expect(await refresh(profile)).toMatchObject({ access_token: 'at2' })
    expect(received.map(({ url: { pathname } }) => pathname)).toEqual([discoveryPath, discoveryPath, '/token'])
  })

  it.each([
    ['another issuer', (origin: string) => ({ issuer: 'https://evil.example.com', token_endpoint: `${origin}/token` })],
    [
      'a token endpoint in the clear',
      (origin: string) => ({ issuer: origin, token_endpoint: `${onAllAddresses(origin)}/token` }),
    ],
    ['no token endpoint', (origin: string) => ({ issuer: origin })],
  ])('sends no token to %s', async (_, document) => {
    const { url, received } = await startServer((request, response) =>
      json(response, 200, document(request.url.origin)),
    )
    const error = await refusal(oauthProvider({ issuer: url, ...app }))
    expect(error).toMatchObject({ error: 'temporarily_unavailable', status: 503 })
    expect(received.map(({ method }) => method)).toEqual(['GET'])
  })

  it('finds no way to revoke where there is none', async () => {
    const { url, received } = await startServer(({ url: { origin } }, response) =>
      json(response, 200, { issuer: origin, token_endpoint: `${origin}/token` }),
    )
    await revoke(oauthProvider({ issuer: url, ...app }))
    expect(received.map(({ method }) => method)).toEqual(['GET'])
  })
})

describe('a revocation', () => {
  it('fails where the provider refuses', async () => {
    const { url } = await startServer((_, response) => json(response, 503, { error: 'temporarily_unavailable' }))
    const endpoints = { tokenEndpoint: `${url}/token`, revocationEndpoint: `${url}/revoke` }
    const error = await silent(revoke(oauthProvider({ ...endpoints, ...app })))
    expect(error).toMatchObject({ error: 'temporarily_unavailable', status: 503 })
  })

  it('names the kind of each token', async () => {
    const { url, received } = await startServer((_, response) => void response.writeHead(200).end())
    const endpoints = { tokenEndpoint: `${url}/token`, revocationEndpoint: `${url}/revoke` }
    await revoke(oauthProvider({ ...endpoints, ...app }))
    expect(received.map(({ form }) => form)).toEqual([
      { token: grant.tokens.refresh_token?.value, token_type_hint: 'refresh_token' },
      { token: grant.tokens.access_token?.value, token_type_hint: 'access_token' },
    ])
  })

  it('is done where access tokens cannot be revoked, once the refresh token is', async () => {
    const { url } = await startServer(({ form }, response) => {
      if (form.token_type_hint === 'refresh_token') return void response.writeHead(200).end()
      json(response, 400, { error: 'unsupported_token_type' })
    })
    const profile = oauthProvider({ tokenEndpoint: `${url}/token`, revocationEndpoint: `${url}/revoke`, ...app })
    await revoke(profile)
    const { access_token } = grant.tokens
    const withoutRefresh = { ...grant, tokens: access_token === undefined ? {} : { access_token } }
    expect(await silent(revoke(profile, withoutRefresh))).toMatchObject({
      error: 'unsupported_token_type',
      status: 400,
    })
  })

  it('has no hook where the provider has no endpoint', () => {
    expect(oauthProvider({ tokenEndpoint: 'https://id.example.com/token', ...app })).not.toHaveProperty('revoke')
  })
})
