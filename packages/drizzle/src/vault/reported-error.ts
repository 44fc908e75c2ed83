/** Error codes of RFC 6749, 6750, 7009, 8628 and OpenID Connect: all that a message is searched for. */
const oauthCodes = [
  'invalid_grant',
  'invalid_client',
  'invalid_request',
  'invalid_scope',
  'invalid_token',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'unsupported_token_type',
  'insufficient_scope',
  'access_denied',
  'expired_token',
  'server_error',
  'temporarily_unavailable',
  'interaction_required',
  'login_required',
  'consent_required',
]

export function isOAuthCode(text: string): boolean {
  return oauthCodes.includes(text)
}

/** What the vault itself calls an answer that says nothing, or none. */
const ownCodes = ['unknown', 'no_answer', 'timeout', 'malformed_response']

/** Whether a text is a code known beforehand, with an HTTP status or without, and so nothing of anybody's own words. */
export function isReported(text: string): boolean {
  const code = text.replace(/, HTTP \d{3}$/, '')
  return isOAuthCode(code) || ownCodes.includes(code)
}

/** What a row keeps of an error. */
export interface ReportedError {
  readonly lastErrorCode: string
  readonly lastError: string
}

/**
 * Of an error, or of a text that somebody has for one, the OAuth code and the HTTP status alone: the words of a provider
 * may quote the token that it refuses, and a row, a log or an error must not.
 */
export function reportedError(error: unknown): ReportedError {
  const text = error instanceof Error ? `${error.name} ${error.message}` : String(error)
  const lastErrorCode = oauthCodes.find((code) => new RegExp(`\\b${code}\\b`).test(text)) ?? 'unknown'
  const status = /(?<![\w.-])[45]\d\d(?![\w.-])/.exec(text)?.[0]
  return { lastErrorCode, lastError: status === undefined ? lastErrorCode : `${lastErrorCode}, HTTP ${status}` }
}
