import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What one provider has seen so far. */
export interface ProviderCounts {
  /** Requests for a refresh. */
  readonly refreshes: number
  /** Whether the grant was ended because a refresh token came twice. */
  readonly revoked: boolean
}

/** A provider of one grant that rotates its refresh token with every use, at once, without any grace. */
export interface StrictProvider {
  readonly url: string
  readonly accessToken: string
  readonly refreshToken: string
  counts(): ProviderCounts
  close(): Promise<void>
}

/**
 * Starts the provider on a free port. `POST /token` takes a refresh token as the whole body; one that was spent before ends
 * the grant, as RFC 9700 section 4.14.2 asks for. `GET /me` answers 200 to any access token of a grant that lives, else 401:
 * a refresh does not end the access tokens before it, as with most providers.
 *
 * @param milliseconds how long it takes to answer a refresh; the token is spent when the request arrives
 */
export async function startStrictProvider(milliseconds: number): Promise<StrictProvider> {
  const first = newTokens()
  const accessTokens = new Set([first.access_token])
  let current = first.refresh_token
  let refreshes = 0
  let revoked = false

  async function refresh(request: IncomingMessage, response: ServerResponse): Promise<void> {
    refreshes += 1
    const spent = await bodyOf(request)
    if (spent !== current) revoked = true
    const isRefused = revoked
    const tokens = newTokens()
    if (!isRefused) {
      current = tokens.refresh_token
      accessTokens.add(tokens.access_token)
    }
    await sleep(milliseconds)
    response.writeHead(isRefused ? 400 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isRefused ? { error: 'invalid_grant' } : { ...tokens, expires_in: 3600 }))
  }

  const server = createServer((request, response) => {
    if (request.url === '/token') return void refresh(request, response)
    const [, token = ''] = request.headers.authorization?.split(' ') ?? []
    const isGood = !revoked && accessTokens.has(token)
    response.writeHead(isGood ? 200 : 401).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accessToken: first.access_token,
    refreshToken: first.refresh_token,
    counts: () => ({ refreshes, revoked }),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function newTokens() {
  const token = () => randomBytes(32).toString('base64url')
  return { access_token: token(), refresh_token: token() }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
