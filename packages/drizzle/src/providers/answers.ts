import { ProviderError } from '../vault/provider-error.ts'
import type { ProviderProfile, TokenResponse } from '../vault/provider-profile.ts'
import { type Answer, isSuccess, noAnswer } from './http.ts'

/** What is to be known of one provider's answers. */
export interface AnswerCodes {
  readonly terminalErrors?: readonly string[]
  /** Codes by which it refuses the app, not the grant: the vault hears `invalid_client`. */
  readonly clientErrors?: readonly string[]
  /** Further codes by which it says that it did nothing. */
  readonly otherErrors?: readonly string[]
  /** What stands between scopes in place of a blank. */
  readonly scopeSeparator?: ','
}

/** What is to be known of one provider, apart from where it is. */
export interface ProviderData extends Omit<ProviderProfile, 'refresh' | 'revoke'>, AnswerCodes {}

/** RFC 6749 (5.2), RFC 7009 (2.2.1), and the two of RFC 6749 (4.1.2.1) that token endpoints send as well. */
const oauthErrors = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'unsupported_token_type',
  'server_error',
  'temporarily_unavailable',
]

/**
 * The tokens in an answer. Of what comes with them, only what the vault reads counts, and nothing amiss in the rest is a reason
 * to refuse them: the refresh token that was spent for them may be gone.
 *
 * @throws ProviderError for a refusal, Error for an answer that says neither yes nor no
 */
export function readTokens(answer: Answer, codes: AnswerCodes): TokenResponse {
  if (!isSuccess(answer)) throw refusal(answer, codes)
  const { access_token, refresh_token = null, expires_in, refresh_token_expires_in, scope } = fields(answer)
  const isRotated = refresh_token !== null && refresh_token !== ''
  if (isText(access_token) && (!isRotated || isText(refresh_token))) {
    return {
      access_token,
      ...(isRotated && { refresh_token }),
      ...(isLifetime(expires_in) && { expires_in: Number(expires_in) }),
      ...(isLifetime(refresh_token_expires_in) && { refresh_token_expires_in: Number(refresh_token_expires_in) }),
      ...(isText(scope) && { scope: codes.scopeSeparator ? scope.split(codes.scopeSeparator).join(' ') : scope }),
    }
  }
  const error = refusal(answer, codes)
  throw error.error === '' ? noAnswer(`HTTP ${answer.status} without tokens`) : error
}

/** An answer that refuses. Holds a code that is known beforehand, since any other text may quote a token, or none. */
export function refusal(answer: Answer, codes: AnswerCodes): ProviderError {
  // RFC 6749 has 400 for errors; told as the 200 that some send, a refusal would look like an answer that broke off.
  const status = isSuccess(answer) ? 400 : answer.status
  const { retryAfterSeconds } = answer
  return new ProviderError(knownCode(fields(answer).error, codes), { status, retryAfterSeconds })
}

/** The fields of an answer; none where it is no object. */
export function fields({ body }: Answer): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {}
}

function knownCode(code: unknown, { terminalErrors = [], clientErrors = [], otherErrors = [] }: AnswerCodes): string {
  if (typeof code !== 'string') return ''
  if (clientErrors.includes(code)) return 'invalid_client'
  return [...oauthErrors, ...terminalErrors, ...otherErrors].includes(code) ? code : ''
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Seconds; some providers send them as text. */
function isLifetime(value: unknown): boolean {
  return (typeof value === 'number' || isText(value)) && Number(value) > 0 && Number.isFinite(Number(value))
}
