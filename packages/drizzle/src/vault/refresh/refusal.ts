import type { GrantStatus } from '../grant.ts'
import { isOAuthCode, type ReportedError } from '../reported-error.ts'

/** What a refresher that brought no tokens means for the grant. */
export interface Refusal extends ReportedError {
  /** `REAUTH_REQUIRED`: this refresh token is of no use any more. */
  readonly status: Extract<GrantStatus, 'REFRESH_FAILED' | 'CONFIG_ERROR' | 'REAUTH_REQUIRED'>
  /** Whether the provider is known not to have spent the refresh token. */
  readonly isAnswered: boolean
  /** 0: it asked for nothing. */
  readonly retryAfterSeconds: number
}

/** Codes by which a provider refuses the app, whatever the grant. */
const appErrors = ['invalid_client', 'unauthorized_client', 'unsupported_grant_type']

/** By these a gateway says that it has nothing of the provider's, whatever code it puts with them. */
const gatewayStatuses = [502, 504]

/** Nobody knows whether the provider spent the refresh token: no answer, none in time, or none that can be read. */
export function noAnswer(lastErrorCode: 'no_answer' | 'timeout' | 'malformed_response', status?: number): Refusal {
  const lastError = status === undefined ? lastErrorCode : `${lastErrorCode}, HTTP ${status}`
  return { status: 'REFRESH_FAILED', isAnswered: false, retryAfterSeconds: 0, lastErrorCode, lastError }
}

/**
 * Reads what a refresher threw by its shape, so that errors of `openid-client` and `oauth4webapi` do as they are: `error`,
 * `status`, and Retry-After, on the error, on its `response` or on what caused it.
 *
 * @param terminalErrors codes of this provider that mean `invalid_grant`
 */
export function refusalOf(thrown: unknown, terminalErrors: readonly string[]): Refusal {
  const answer = findAnswer(thrown)
  if (answer === undefined) return noAnswer('no_answer')
  const { status, error, retryAfterSeconds } = answer
  const isTerminal = status < 500 && error !== undefined && ['invalid_grant', ...terminalErrors].includes(error)
  const isKnown = error !== undefined && (isTerminal || isOAuthCode(error) || terminalErrors.includes(error))
  const isSuccess = status >= 200 && status < 300
  if (isSuccess && !isKnown) return noAnswer('malformed_response', status)
  const lastErrorCode = isKnown ? error : 'unknown'
  const isAppRefused = status < 500 && (isKnown ? appErrors.includes(error) : status === 401)
  return {
    status: isTerminal ? 'REAUTH_REQUIRED' : isAppRefused ? 'CONFIG_ERROR' : 'REFRESH_FAILED',
    isAnswered: isAnswered(status, isKnown ? error : undefined),
    retryAfterSeconds,
    lastErrorCode,
    lastError: `${lastErrorCode}, HTTP ${status}`,
  }
}

/**
 * Whether the provider itself refused. A broken server, or whoever stands before it and has lost or given up waiting for its
 * answer, does not know what became of the refresh token; only with a code of OAuth is such a status the provider's own word.
 * `server_error` is another spelling of 500, and says no more.
 */
function isAnswered(status: number, code: string | undefined): boolean {
  if (code === 'server_error' || gatewayStatuses.includes(status)) return false
  return code !== undefined || !(status >= 500 || status === 408 || status === 499)
}

interface Answer {
  readonly status: number
  readonly error: string | undefined
  readonly retryAfterSeconds: number
}

/** How many causes beneath one another are looked at. */
const DEEPEST = 4

function findAnswer(thrown: unknown): Answer | undefined {
  try {
    return readAnswer(thrown)
  } catch {
    // An error whose own properties throw says no more than none.
    return undefined
  }
}

function readAnswer(thrown: unknown): Answer | undefined {
  let error: string | undefined
  let link: unknown = thrown
  for (let depth = 0; depth <= DEEPEST && isObject(link); depth++) {
    const { response } = link
    const source = isStatus(link.status) ? link : isObject(response) && isStatus(response.status) ? response : undefined
    if (typeof link.error === 'string' && link.error !== '') error ??= link.error
    if (source !== undefined) {
      const headers = isObject(response) ? response.headers : link.headers
      const retryAfterSeconds = positive(link.retryAfterSeconds) ?? retryAfter(headers) ?? 0
      return { status: source.status as number, error, retryAfterSeconds }
    }
    link = link.cause
  }
  return undefined
}

/** In seconds, of the header Retry-After: a number of them, or a date. */
function retryAfter(headers: unknown): number | undefined {
  if (!isObject(headers) || typeof headers.get !== 'function') return undefined
  const text: unknown = headers.get('retry-after')
  if (typeof text !== 'string') return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  return positive((Date.parse(text) - Date.now()) / 1000)
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined
}

function isStatus(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 100 && (value as number) <= 599
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
