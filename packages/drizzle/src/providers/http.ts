import { ProviderError } from '../vault/provider-error.ts'

/** What a provider answered. */
export interface Answer {
  readonly status: number
  /** Parsed JSON; undefined where it is none, or more than 256 KiB. */
  readonly body: unknown
  /** What the header Retry-After asked for, as seconds or as a date. */
  readonly retryAfterSeconds: number | undefined
}

/** A request as `openid-client` makes it, too. */
export interface Ask {
  readonly method: string
  readonly headers?: Record<string, string>
  readonly body?: string | URLSearchParams
}

/** A token response or a discovery document has a few KiB; whoever sends more must not fill the memory. */
const MOST_BYTES = 256 * 1024

/** Codes of `fetch` for failures before the first byte of a request is sent. */
const unsentCodes = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']

/**
 * Asks a provider, once. A redirect is an answer like any other: followed, it would carry token and secret to another host.
 *
 * @throws ProviderError where the request was certainly not sent, Error where nobody knows what became of it; neither quotes
 *   request or answer
 */
export async function ask(url: string | URL, request: Ask, signal: AbortSignal): Promise<Answer> {
  if (signal.aborted) throw notSent()
  let response: Response
  try {
    response = await fetch(url, { ...request, redirect: 'manual', signal })
  } catch (error) {
    const code = causeCode(error)
    throw unsentCodes.includes(code) ? notSent() : noAnswer(signal.aborted ? 'not in time' : code)
  }
  const retryAfterSeconds = retryAfter(response.headers)
  return { status: response.status, body: await readJson(response), retryAfterSeconds }
}

export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300
}

/**
 * Nothing reached the provider, so nothing can have been spent. The vault tells answered from in doubt by the status, and
 * "try again later" is what a status of 503 says.
 */
export function notSent(): ProviderError {
  return new ProviderError('temporarily_unavailable', { status: 503 })
}

/** The request may have been carried out or not. */
export function noAnswer(why: string): Error {
  return new Error(`The provider gave no answer that can be read: ${why}`)
}

/** Whether `url` may be asked: https, or http where nothing leaves this machine or the app says so. */
export function isSecure(url: URL, allowHttp: boolean): boolean {
  if (url.protocol === 'https:') return true
  return url.protocol === 'http:' && (allowHttp || isLoopback(url.hostname))
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}

/** A body that breaks off, or is no JSON, is no reason to lose the status. */
async function readJson(response: Response): Promise<unknown> {
  try {
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of response.body ?? []) {
      length += chunk.length
      // Leaving the loop cancels the body, and with it the connection.
      if (length > MOST_BYTES) return undefined
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    return undefined
  }
}

/** A date counts from the provider's own clock, where the answer shows it. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (!value) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value)
  const now = Date.parse(headers.get('date') ?? '') || Date.now()
  const seconds = Math.ceil((Date.parse(value) - now) / 1000)
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}

/** The code of Node beneath an error of `fetch`: one word, nothing of the request. */
function causeCode(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : 'no connection'
}
