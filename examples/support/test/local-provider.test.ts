import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HttpClient, type LocalProvider, startLocalProvider } from '../src/testing/index.ts'

const CALLBACK = 'http://localhost:9/callback'

/** Gives the app a grant, as a user in this browser would. */
async function grantOf(browser: HttpClient, config: openid.Configuration, email: string) {
  const codeVerifier = openid.randomPKCECodeVerifier()
  const challenge = await openid.calculatePKCECodeChallenge(codeVerifier)
  const way = openid.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: 'openid email',
    prompt: 'login',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  const form = await browser.get(way.href)
  // Nobody listens there: where the browser was sent is all that counts.
  await browser.post(form.url, { email }).catch(() => {})
  const callback = new URL(browser.visited.at(-1) ?? '')
  return openid.authorizationCodeGrant(config, callback, { pkceCodeVerifier: codeVerifier, idTokenExpected: true })
}

function discover({ issuer, clientId, clientSecret }: LocalProvider): Promise<openid.Configuration> {
  const options = { execute: [openid.allowInsecureRequests] }
  return openid.discovery(new URL(issuer), clientId, undefined, openid.ClientSecretBasic(clientSecret), options)
}

describe('the local provider', () => {
  let folder: string
  let provider: LocalProvider
  let config: openid.Configuration
  const start = async () => {
    const stateFile = join(folder, 'provider.json')
    const onError = () => {}
    provider = await startLocalProvider({ redirectUris: [CALLBACK], onError, accessTokenSeconds: 90, stateFile })
    config = await discover(provider)
  }
  const callApi = async (token: string, method = 'GET') =>
    (await fetch(provider.api, { method, headers: { authorization: `Bearer ${token}` } })).status

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-provider-'))
    await start()
  })
  afterAll(async () => {
    await provider.close()
    await rm(folder, { recursive: true })
  })

  test('rotates refresh tokens, and ends the grant of one that is spent twice', async () => {
    const first = await grantOf(new HttpClient(), config, 'ada@example.com')
    expect(first.expires_in).toBe(90)
    const second = await openid.refreshTokenGrant(config, first.refresh_token ?? '')
    expect(second.refresh_token).not.toBe(first.refresh_token)
    await expect(openid.refreshTokenGrant(config, first.refresh_token ?? '')).rejects.toThrow()
    await expect(openid.refreshTokenGrant(config, second.refresh_token ?? '')).rejects.toThrow()
    expect(await callApi(second.access_token)).toBe(401)
  })

  test('keeps the grants that one browser gave as two users', async () => {
    const browser = new HttpClient()
    const ada = await grantOf(browser, config, 'ada@example.com')
    const grace = await grantOf(browser, config, 'grace@example.com')
    for (const { refresh_token = '' } of [ada, grace]) await openid.refreshTokenGrant(config, refresh_token)
    expect(await callApi(grace.access_token)).toBe(200)
  })

  test('its API takes an access token until that one is ended, and no refresh token', async () => {
    const tokens = await grantOf(new HttpClient(), config, 'ada@example.com')
    expect(await callApi(tokens.access_token)).toBe(200)
    expect(await callApi(tokens.refresh_token ?? '')).toBe(401)
    expect(await callApi(tokens.access_token, 'DELETE')).toBe(204)
    expect(await callApi(tokens.access_token)).toBe(401)
    const newer = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(await callApi(newer.access_token)).toBe(200)
  })

  test('remembers grants over a restart, and revocations', async () => {
    const kept = await grantOf(new HttpClient(), config, 'ada@example.com')
    const revoked = await grantOf(new HttpClient(), config, 'ada@example.com')
    await openid.tokenRevocation(config, revoked.refresh_token ?? '')
    await provider.close()
    await start()
    expect((await openid.refreshTokenGrant(config, kept.refresh_token ?? '')).access_token).toBeTypeOf('string')
    await expect(openid.refreshTokenGrant(config, revoked.refresh_token ?? '')).rejects.toThrow()
  })
})
