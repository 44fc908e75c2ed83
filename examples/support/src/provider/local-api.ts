import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'

export const API_PATH = '/api/me'

/**
 * An API beside the provider, as Google has its calendars beside its sign-in. GET answers whose access token it was given,
 * or 401. DELETE ends that token before its time, and no other, as nobody but the provider can.
 */
export async function answerApi(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, value = ''] = /^Bearer ([\w-]+)$/.exec(request.headers.authorization ?? '') ?? []
  const token = await provider.AccessToken.find(value)
  if (token === undefined) {
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
    return
  }
  if (request.method === 'DELETE') {
    await token.destroy()
    response.writeHead(204).end()
    return
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ email: token.accountId }))
}
