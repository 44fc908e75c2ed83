/**
 * What the provider answered in place of tokens, for a refresher that speaks HTTP by itself. The vault keeps the code where
 * it is one of OAuth's and the status, and nothing else. A status of 5xx without a code counts as no answer; what was certainly
 * not sent is told as `temporarily_unavailable` with 503.
 *
 * @example
 * throw new ProviderError('invalid_grant', { status: 400 })
 */
export class ProviderError extends Error {
  override readonly name: string = 'ProviderError'
  /** The OAuth error code, RFC 6749 section 5.2; '' when the answer held none. */
  readonly error: string
  /** Of the HTTP answer. */
  readonly status: number
  /** What the header Retry-After asked for. */
  readonly retryAfterSeconds: number | undefined

  constructor(error: string, answer: { readonly status: number; readonly retryAfterSeconds?: number | undefined }) {
    super(`The provider answered with HTTP ${answer.status}`)
    this.error = error
    this.status = answer.status
    this.retryAfterSeconds = answer.retryAfterSeconds
  }
}
