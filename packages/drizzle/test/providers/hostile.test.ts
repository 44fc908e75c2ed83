// What a provider, or whoever stands in front of it, may answer. No status: the vault takes the refresh token for in doubt.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { oauthProvider } from '../../src/providers/index.ts'
import { clientId, clientSecret, refresh, refreshToken, refusal } from './support/ask.ts'
import { json, type Received, startServer } from './support/provider-server.ts'

type Answer = (request: Received, response: ServerResponse) => void

async function provider(answer: Answer) {
  const { url, received } = await startServer(answer)
  const profile = oauthProvider({ tokenEndpoint: `${url}/token`, clientId, clientSecret, terminalErrors: ['gone'] })
  return { profile, received, url }
}

describe('a refresh that is refused', () => {
  it('names the code and the status, and nothing else of the answer', async () => {
    const description = `words of the provider, who quotes ${refreshToken}`
    const { profile } = await provider((_, response) =>
      json(response, 400, { error: 'invalid_grant', error_description: description, hint: clientSecret }),
    )
    expect(await refusal(profile)).toMatchObject({ name: 'ProviderError', error: 'invalid_grant', status: 400 })
  })

  it('is invalid_client also with the challenge that RFC 6749 asks for beside it', async () => {
    const { profile } = await provider((_, response) =>
      json(response, 401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="words of the provider"' }),
    )
    expect(await refusal(profile)).toMatchObject({ error: 'invalid_client', status: 401 })
  })

  it('keeps the codes that the profile names', async () => {
    const { profile } = await provider((_, response) => json(response, 400, { error: 'gone' }))
    expect(await refusal(profile)).toMatchObject({ error: 'gone', status: 400 })
  })

  it('keeps no code that it does not know, for a code can be a token, too', async () => {
    const { profile } = await provider(({ form }, response) => json(response, 400, { error: form.refresh_token }))
    expect(await refusal(profile)).toMatchObject({ error: '', status: 400 })
  })

  it('is a refusal with HTTP 200, too', async () => {
    const { profile } = await provider((_, response) => json(response, 200, { error: 'invalid_grant' }))
    expect(await refusal(profile)).toMatchObject({ error: 'invalid_grant', status: 400 })
  })

  it.each([
    ['in seconds', '120', 120],
    ['as a date, by the clock of the provider', 'Thu, 01 Jan 1998 00:01:00 GMT', 60],
    ['as a date that is over', 'Wed, 31 Dec 1997 23:59:00 GMT', 0],
    ['as no time at all', 'soon', undefined],
  ])('says when to come back %s', async (_, retryAfter, retryAfterSeconds) => {
    const headers = { 'retry-after': retryAfter, date: 'Thu, 01 Jan 1998 00:00:00 GMT' }
    const { profile } = await provider((_request, response) => {
      response.writeHead(429, { 'content-type': 'text/html', ...headers }).end('<h1>words of the provider</h1>')
    })
    expect(await refusal(profile)).toMatchObject({ error: '', status: 429, retryAfterSeconds })
  })

  it('is told with its status where a gateway answers with a page', async () => {
    const { profile } = await provider((_, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end(`<p>words of the provider: ${refreshToken}</p>`)
    })
    expect(await refusal(profile)).toMatchObject({ error: '', status: 502 })
  })

  it('is told with its status where the body breaks off', async () => {
    const { profile } = await provider((_, response) => {
      response.writeHead(503, { 'content-length': '1000' }).write('{"error":')
      setImmediate(() => response.destroy())
    })
    expect(await refusal(profile)).toMatchObject({ error: '', status: 503 })
  })

  it('is what a redirect is, which is not followed', async () => {
    const elsewhere = await startServer((_, response) => json(response, 200, { access_token: 'at' }))
    const { profile } = await provider((_, response) => {
      response.writeHead(307, { location: `${elsewhere.url}/token` }).end()
    })
    expect(await refusal(profile)).toMatchObject({ error: '', status: 307 })
    expect(elsewhere.received).toEqual([])
  })
})

describe('a refresh of which nobody knows what became', () => {
  it.each<[string, Answer]>([
    ['malformed JSON', (_, response) => void response.writeHead(200).end(`{"access_token":"${refreshToken}`)],
    ['JSON that is no object', (_, response) => json(response, 200, [refreshToken])],
    ['no access token', (_, response) => json(response, 200, { refresh_token: 'rt2' })],
    ['an access token that is none', (_, response) => json(response, 200, { access_token: 1 })],
    ['a refresh token that is none', (_, response) => json(response, 200, { access_token: 'at', refresh_token: {} })],
    ['an error that nobody knows, with HTTP 200', (_, response) => json(response, 200, { error: refreshToken })],
    ['an empty answer', (_, response) => void response.writeHead(200).end()],
    ['a connection that is cut', (_, response) => void response.destroy()],
  ])('has no status: %s', async (_, answer) => {
    const { profile, received } = await provider(answer)
    const error = await refusal(profile)
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toHaveProperty('status')
    expect(received).toHaveLength(1)
  })

  it('has no status when the time is over after the request arrived', async () => {
    const controller = new AbortController()
    const { profile, received } = await provider(() => controller.abort())
    const error = await refusal(profile, refreshToken, controller.signal)
    expect(error).not.toHaveProperty('status')
    expect(received).toHaveLength(1)
  })

  it('has no status when the time is over amid the answer', async () => {
    const controller = new AbortController()
    const { profile } = await provider((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"access_token":')
      setTimeout(() => controller.abort(), 20)
    })
    expect(await refusal(profile, refreshToken, controller.signal)).not.toHaveProperty('status')
  })

  it('reads no 200 MB, and ends the connection that brings them', async () => {
    const megabyte = Buffer.alloc(1 << 20, 'a')
    let sent = 0
    let ended: Promise<unknown> | undefined
    const { profile } = await provider((_, response) => {
      ended = once(response, 'close')
      response.writeHead(200, { 'content-type': 'application/json' })
      const send = () => {
        while (sent < 200 && !response.destroyed) {
          sent++
          if (!response.write(megabyte)) return void response.once('drain', send)
        }
        response.end()
      }
      send()
    })
    expect(await refusal(profile)).not.toHaveProperty('status')
    await ended
    expect(sent).toBeLessThan(50)
  })
})

describe('a refresh that did not reach the provider', () => {
  // A status that the vault knows as answered: the refresh token was certainly not spent.
  const unsent = { error: 'temporarily_unavailable', status: 503 }

  it('is not in doubt when the connection is refused', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((closed) => server.close(closed))
    const profile = oauthProvider({ tokenEndpoint: `http://127.0.0.1:${port}/token`, clientId, clientSecret })
    expect(await refusal(profile)).toMatchObject(unsent)
  })

  it('is not in doubt when its name is not found', async () => {
    const profile = oauthProvider({ tokenEndpoint: 'https://nowhere.invalid/token', clientId, clientSecret })
    expect(await refusal(profile)).toMatchObject(unsent)
  })

  it('is not in doubt when the time was over before', async () => {
    const { profile, received } = await provider((_, response) => json(response, 200, { access_token: 'at' }))
    expect(await refusal(profile, refreshToken, AbortSignal.abort())).toMatchObject(unsent)
    expect(received).toEqual([])
  })
})

describe('a refresh that brings tokens', () => {
  it('passes on what the vault reads, and takes no offence at the rest', async () => {
    const { profile } = await provider((_, response) =>
      json(response, 200, {
        access_token: 'at2',
        refresh_token: 'rt2',
        expires_in: '3600',
        refresh_token_expires_in: 86_400,
        scope: 'a b',
        id_token: 'not.one.at-all',
        other: true,
      }),
    )
    const { access_token, refresh_token, expires_in, refresh_token_expires_in, scope } = await refresh(profile)
    expect({ access_token, refresh_token, expires_in, refresh_token_expires_in, scope }).toEqual({
      access_token: 'at2',
      refresh_token: 'rt2',
      expires_in: 3600,
      refresh_token_expires_in: 86_400,
      scope: 'a b',
    })
  })

  it.each([
    ['no refresh token', {}],
    ['an empty one', { refresh_token: '' }],
    ['null', { refresh_token: null }],
  ])('keeps the one that was spent: %s', async (_, answer) => {
    const { profile } = await provider((_request, response) => json(response, 200, { access_token: 'at2', ...answer }))
    expect((await refresh(profile)).refresh_token).toBeUndefined()
  })

  it.each([[undefined], [0], [-1], ['soon'], [null]])('leaves a lifetime of %s to the vault', async (expires_in) => {
    const { profile } = await provider((_, response) => json(response, 200, { access_token: 'at2', expires_in }))
    expect((await refresh(profile)).expires_in).toBeUndefined()
  })
})
