import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A request as the server got it. */
export interface Received {
  readonly method: string
  /** With its query. */
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly form: Readonly<Record<string, string>>
}

export interface ProviderServer {
  readonly url: string
  readonly received: Received[]
}

/** An HTTP server on this machine that answers as a test says, until the test is over. */
export async function startServer(
  answer: (request: Received, response: ServerResponse) => void,
): Promise<ProviderServer> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method = '', headers } = request
    const url = new URL(request.url ?? '', `http://${headers.host}`)
    const form = Object.fromEntries(new URLSearchParams(body))
    const entry = { method, url, headers, body, form }
    received.push(entry)
    answer(entry, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
