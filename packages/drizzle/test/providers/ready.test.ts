// What each ready profile sends and what it makes of the answers that its provider's documentation shows.
import { describe, expect, it } from 'vitest'
import type { ProviderProfile } from '../../src/index.ts'
import { githubAt, githubEndpoints } from '../../src/providers/github.ts'
import { googleAt, googleEndpoints } from '../../src/providers/google.ts'
import { microsoftAt, microsoftEndpoints } from '../../src/providers/microsoft.ts'
import { slackAt, slackEndpoints } from '../../src/providers/slack.ts'
import { whatsappBusinessAt, whatsappBusinessEndpoint } from '../../src/providers/whatsapp-business.ts'
import {
  accessToken,
  app,
  clientId,
  clientSecret,
  grant,
  refresh,
  refreshToken,
  refusal,
  revoke,
  silent,
} from './support/ask.ts'
import { json, type Received, startServer } from './support/provider-server.ts'

const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
const asForm = {
  grant_type: 'refresh_token',
  refresh_token: refreshToken,
  client_id: clientId,
  client_secret: clientSecret,
}

interface Provider {
  readonly profile: ProviderProfile
  readonly received: Received[]
}

const create: Record<string, (url: string) => ProviderProfile> = {
  google: (url) => googleAt({ tokenEndpoint: `${url}/token`, revocationEndpoint: `${url}/revoke` }, app),
  microsoft: (url) =>
    microsoftAt({ tokenEndpoint: `${url}/token` }, { ...app, scopes: ['offline_access', 'Mail.Read'] }),
  slack: (url) => slackAt({ tokenEndpoint: `${url}/token`, revocationEndpoint: `${url}/revoke` }, app),
  github: (url) => githubAt({ tokenEndpoint: `${url}/token`, grantEndpoint: `${url}/grant` }, app),
  whatsappBusiness: (url) => whatsappBusinessAt(`${url}/token`, app),
}

async function answering(name: keyof typeof create, status: number, body: unknown, headers = {}): Promise<Provider> {
  const { url, received } = await startServer((_, response) => {
    if (status === 204) return void response.writeHead(204).end()
    json(response, status, body, headers)
  })
  return { profile: create[name]?.(url) as ProviderProfile, received }
}

describe('Google', () => {
  it('is asked where it says', () => {
    expect(googleEndpoints).toEqual({
      tokenEndpoint: 'https://oauth2.googleapis.com/token',
      revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
    })
  })

  it('gives an access token, and no refresh token', async () => {
    const body = {
      access_token: 'at2',
      expires_in: 3920,
      scope: 'calendar email',
      token_type: 'Bearer',
      id_token: 'x.y.z',
    }
    const { profile, received } = await answering('google', 200, body)
    expect(await refresh(profile)).toMatchObject({ access_token: 'at2', expires_in: 3920, scope: 'calendar email' })
    expect(received).toMatchObject([{ method: 'POST', form: asForm }])
  })

  it('refuses the app where its client was deleted', async () => {
    const { profile } = await answering('google', 401, { error: 'deleted_client' })
    expect(await refusal(profile)).toMatchObject({ error: 'invalid_client', status: 401 })
  })

  it('is told of a revocation by the refresh token alone', async () => {
    const { profile, received } = await answering('google', 200, {})
    await revoke(profile)
    expect(received).toMatchObject([{ method: 'POST', form: { token: refreshToken } }])
    expect(received[0]?.headers.authorization).toBeUndefined()
  })

  it('takes one twice, and refuses nothing else in silence', async () => {
    await revoke((await answering('google', 400, { error: 'invalid_token' })).profile)
    const { profile } = await answering('google', 400, { error: 'invalid_request' })
    expect(await silent(revoke(profile))).toMatchObject({ error: 'invalid_request', status: 400 })
  })
})

describe('Microsoft', () => {
  it('is asked in the directory', () => {
    const { tokenEndpoint } = microsoftEndpoints('contoso.onmicrosoft.com')
    expect(tokenEndpoint).toBe('https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token')
  })

  it('gives both tokens, for the scopes that are asked for', async () => {
    const body = { access_token: 'at2', token_type: 'Bearer', expires_in: 3599, refresh_token: 'rt2' }
    const { profile, received } = await answering('microsoft', 200, body)
    expect(await refresh(profile)).toMatchObject({ access_token: 'at2', refresh_token: 'rt2', expires_in: 3599 })
    expect(received[0]?.form).toEqual({ ...asForm, scope: 'offline_access Mail.Read' })
  })

  it('says that the user must sign in', async () => {
    const { profile } = await answering('microsoft', 400, { error: 'interaction_required', error_codes: [50076] })
    const { error } = await refusal(profile)
    expect(profile.terminalErrors).toContain(error)
  })

  it('has no way to revoke', async () => {
    expect((await answering('microsoft', 200, {})).profile).not.toHaveProperty('revoke')
  })
})

describe('Slack', () => {
  it('is asked where it says', () => {
    expect(slackEndpoints).toEqual({
      tokenEndpoint: 'https://slack.com/api/oauth.v2.access',
      revocationEndpoint: 'https://slack.com/api/auth.revoke',
    })
  })

  it('gives both tokens, its scopes between commas', async () => {
    const tokens = {
      access_token: 'xoxe.xoxb-2',
      refresh_token: 'xoxe-2',
      expires_in: 43_200,
      scope: 'chat:write,users:read',
    }
    const { profile } = await answering('slack', 200, { ok: true, token_type: 'bot', ...tokens })
    expect(await refresh(profile)).toMatchObject({ ...tokens, scope: 'chat:write users:read' })
  })

  it('gets id and secret as they are, in the body: a Basic header would have them encoded', async () => {
    const { profile, received } = await answering('slack', 200, { ok: true, access_token: 'xoxe.xoxb-2' })
    await refresh(profile)
    expect(received.map(({ method, form }) => ({ method, form }))).toEqual([{ method: 'POST', form: asForm }])
    expect(received[0]?.headers.authorization).toBeUndefined()
  })

  it.each([
    ['invalid_refresh_token', 'invalid_refresh_token'],
    ['token_revoked', 'token_revoked'],
    ['bad_client_secret', 'invalid_client'],
    ['ratelimited', 'ratelimited'],
  ])('refuses by %s with HTTP 200', async (sent, error) => {
    const { profile } = await answering('slack', 200, { ok: false, error: sent, detail: refreshToken })
    expect(await refusal(profile)).toMatchObject({ error, status: 400 })
  })

  it.each(['internal_error', 'fatal_error'])('leaves in doubt what became of a %s', async (error) => {
    const { profile } = await answering('slack', 200, { ok: false, error })
    expect(await refusal(profile)).not.toHaveProperty('status')
  })

  it('says when to come back', async () => {
    const { profile } = await answering('slack', 429, { ok: false, error: 'ratelimited' }, { 'retry-after': '30' })
    expect(await refusal(profile)).toMatchObject({ status: 429, retryAfterSeconds: 30 })
  })

  it('is told of a revocation with the token itself', async () => {
    const { profile, received } = await answering('slack', 200, { ok: true, revoked: true })
    await revoke(profile)
    expect(received).toMatchObject([{ method: 'POST', headers: { authorization: `Bearer ${accessToken}` } }])
  })

  it('takes one twice, and refuses nothing else in silence', async () => {
    await revoke((await answering('slack', 200, { ok: false, error: 'token_revoked' })).profile)
    const { profile } = await answering('slack', 200, { ok: false, error: 'ratelimited' })
    expect(await silent(revoke(profile))).toMatchObject({ error: 'ratelimited' })
  })
})

describe('GitHub', () => {
  it('is asked where it says', () => {
    expect(githubEndpoints('Iv1.a/b')).toEqual({
      tokenEndpoint: 'https://github.com/login/oauth/access_token',
      grantEndpoint: 'https://api.github.com/applications/Iv1.a%2Fb/grant',
    })
  })

  it('gives both tokens with their lifetimes, and JSON because it is asked for', async () => {
    const tokens = {
      access_token: 'ghu_2',
      refresh_token: 'ghr_2',
      expires_in: 28_800,
      refresh_token_expires_in: 15_811_200,
    }
    const { profile, received } = await answering('github', 200, { ...tokens, scope: '', token_type: 'bearer' })
    expect(await refresh(profile)).toMatchObject(tokens)
    expect(received).toMatchObject([{ method: 'POST', form: asForm, headers: { accept: 'application/json' } }])
  })

  it.each([
    ['bad_refresh_token', 'bad_refresh_token'],
    ['incorrect_client_credentials', 'invalid_client'],
  ])('refuses by %s with HTTP 200', async (sent, error) => {
    const { profile } = await answering('github', 200, { error: sent, error_description: 'words of the provider' })
    expect(await refusal(profile)).toMatchObject({ error, status: 400 })
  })

  it('is told of a revocation as the app', async () => {
    const { profile, received } = await answering('github', 204, undefined)
    await revoke(profile)
    expect(received).toMatchObject([{ method: 'DELETE', headers: { authorization: basic } }])
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({ access_token: accessToken })
  })

  it.each([404, 422])('knows an expired token no more: %i', async (status) => {
    await revoke((await answering('github', status, { message: 'words of the provider' })).profile)
  })

  it('fails to revoke in no silence', async () => {
    const { profile } = await answering('github', 401, { message: `words of the provider: ${accessToken}` })
    expect(await silent(revoke(profile))).toMatchObject({ status: 401 })
  })
})

describe('WhatsApp Business', () => {
  it('is asked where it says', () => {
    expect(whatsappBusinessEndpoint).toBe('https://graph.facebook.com/oauth/access_token')
  })

  it('exchanges the token that runs for the next one, which is both tokens', async () => {
    const body = { access_token: 'EAA2', token_type: 'bearer', expires_in: 5_183_944 }
    const { profile, received } = await answering('whatsappBusiness', 200, body)
    expect(await refresh(profile)).toEqual({
      access_token: 'EAA2',
      refresh_token: 'EAA2',
      expires_in: 5_183_944,
      refresh_token_expires_in: 5_183_944,
    })
    expect(received[0]?.method).toBe('GET')
    expect(Object.fromEntries(received[0]?.url.searchParams ?? [])).toEqual({
      grant_type: 'fb_exchange_token',
      client_id: clientId,
      client_secret: clientSecret,
      set_token_expires_in_60_days: 'true',
      fb_exchange_token: refreshToken,
    })
  })

  it.each([
    [190, 'invalid_grant'],
    [102, 'invalid_grant'],
    [4, ''],
    ['190', ''],
  ])('refuses by code %j', async (code, error) => {
    const body = { error: { message: `words of the provider: ${refreshToken}`, type: 'OAuthException', code } }
    const { profile } = await answering('whatsappBusiness', 400, body)
    expect(await refusal(profile)).toMatchObject({ error, status: 400 })
  })

  it('quotes no URL where no connection comes about', async () => {
    expect(await refusal(whatsappBusinessAt('https://nowhere.invalid/token', app))).toMatchObject({ status: 503 })
  })

  it('has no way to revoke', async () => {
    expect((await answering('whatsappBusiness', 200, {})).profile).not.toHaveProperty('revoke')
  })
})

describe.each(['google', 'slack', 'github'])('a revocation at %s', (name) => {
  it('of a grant without tokens is done', async () => {
    const { profile, received } = await answering(name, 500, {})
    await revoke(profile, { ...grant, tokens: {} })
    expect(received).toEqual([])
  })

  it('fails where no answer comes', async () => {
    const { url } = await startServer((_, response) => void response.destroy())
    expect(await silent(revoke(create[name]?.(url) as ProviderProfile))).toBeInstanceOf(Error)
  })
})
