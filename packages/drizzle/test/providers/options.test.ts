import { describe, expect, it } from 'vitest'
import {
  githubProvider,
  googleProvider,
  microsoftProvider,
  type OAuthProviderOptions,
  oauthProvider,
  slackProvider,
  whatsappBusinessProvider,
} from '../../src/providers/index.ts'
import { app, clientId, refresh } from './support/ask.ts'
import { json, startServer } from './support/provider-server.ts'

const ready = { googleProvider, microsoftProvider, slackProvider, githubProvider, whatsappBusinessProvider }
const refused = expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT' })

describe('what an app gives', () => {
  it.each(Object.entries(ready))('%s wants client id and secret at the start', (_, create) => {
    expect(() => create({ clientId: '', clientSecret: 'secret' })).toThrow(refused)
    expect(() => create({ clientId, clientSecret: '' })).toThrow(refused)
    expect(() => create({ clientId, clientSecret: undefined as unknown as string })).toThrow(refused)
  })

  it.each<[string, Partial<OAuthProviderOptions>]>([
    ['neither issuer nor endpoint', {}],
    ['both', { issuer: 'https://id.example.com', tokenEndpoint: 'https://id.example.com/token' } as never],
    ['no URL', { issuer: 'id.example.com' }],
    ['an issuer in the clear', { issuer: 'http://id.example.com' }],
    ['a token endpoint in the clear', { tokenEndpoint: 'http://id.example.com/token' }],
    ['a host that only begins like this machine', { tokenEndpoint: 'http://127.0.0.1.example.com/token' }],
    ['another protocol', { tokenEndpoint: 'file:///etc/passwd' }],
    [
      'a revocation endpoint in the clear',
      { tokenEndpoint: 'https://id.example.com/token', revocationEndpoint: 'http://id.example.com/revoke' },
    ],
    ['an empty secret', { issuer: 'https://id.example.com', clientSecret: '' }],
  ])('refuses %s', (_, options) => {
    expect(() => oauthProvider({ ...app, ...options } as OAuthProviderOptions)).toThrow(refused)
  })

  it.each(['http://127.0.0.1:1/token', 'http://[::1]:1/token', 'http://localhost:1/token'])(
    'takes %s',
    (tokenEndpoint) => {
      expect(oauthProvider({ ...app, tokenEndpoint }).refresh).toBeTypeOf('function')
    },
  )

  it('takes http elsewhere where the app insists', () => {
    const tokenEndpoint = 'http://id.example.com/token'
    expect(oauthProvider({ ...app, tokenEndpoint, allowHttp: true }).refresh).toBeTypeOf('function')
  })

  it.each(['../evil', 'a/b', '', '?x', 'a b'])('refuses the directory %j', (tenant) => {
    expect(() => microsoftProvider({ ...app, tenant })).toThrow(refused)
  })

  it('names no secret in its errors', () => {
    const clientSecret = 'a-secret'
    expect(() => oauthProvider({ clientId, clientSecret, issuer: clientSecret })).not.toThrow(clientSecret)
  })
})

describe('a profile', () => {
  it('holds what the app knows of its provider, and none of the settings', () => {
    const known = {
      rotates: false,
      graceSeconds: 30,
      idleSeconds: 60,
      terminalErrors: ['gone'],
      expiryBufferSeconds: 9,
    }
    const {
      refresh: _refresh,
      revoke: _revoke,
      ...rest
    } = oauthProvider({ issuer: 'https://id.example.com', ...app, ...known })
    expect(rest).toEqual(known)
  })

  it('refreshes when it was spread into another object', async () => {
    const { url } = await startServer((_, response) => json(response, 200, { access_token: 'at2' }))
    const profile = { ...oauthProvider({ tokenEndpoint: url, ...app }), graceSeconds: 5 }
    expect(await refresh(profile)).toMatchObject({ access_token: 'at2' })
  })

  it('of a public client sends its id and no secret', async () => {
    const { url, received } = await startServer((_, response) => json(response, 200, { access_token: 'at2' }))
    await refresh(oauthProvider({ tokenEndpoint: url, clientId }))
    expect(received[0]?.form).toEqual({
      grant_type: 'refresh_token',
      refresh_token: expect.any(String),
      client_id: clientId,
    })
    expect(received[0]?.headers.authorization).toBeUndefined()
  })
})
