/** What a row holds: the tokens of one OAuth grant, or one secret that a provider issued once. */
export type GrantKind = 'oauth' | 'api_key' | 'webhook_secret'

/** Every status, see {@link GrantStatus}. */
export const grantStatuses = [
  'ACTIVE',
  'REFRESH_FAILED',
  'CONFIG_ERROR',
  'REAUTH_REQUIRED',
  'LOST_ROTATION',
  'EXPIRED',
  'REVOKING',
  'REVOKED',
  'QUARANTINED',
] as const

/**
 * Where a grant stands.
 *
 * - `ACTIVE`: nothing is known against it.
 * - `REFRESH_FAILED`: the provider could not be asked for a new access token; it will be asked again.
 * - `CONFIG_ERROR`: the provider refused the app itself (its client id or secret), not the grant.
 * - `REAUTH_REQUIRED`: the provider takes its refresh token no more, or its only secret was reported invalid.
 * - `LOST_ROTATION`: the provider rotated the refresh token and the new one never arrived.
 * - `EXPIRED`: its access token has expired and there is nothing to refresh it with.
 * - `REVOKING`: out of use; the provider is still to be told.
 * - `REVOKED`: out of use, its tokens erased.
 * - `QUARANTINED`: its record did not open when all records were sealed anew.
 */
export type GrantStatus = (typeof grantStatuses)[number]

/** Statuses in which the provider is asked for new access tokens. */
export const askable: readonly GrantStatus[] = ['ACTIVE', 'REFRESH_FAILED', 'CONFIG_ERROR']

/** Every type of token, in the order in which they are listed. */
export const tokenTypes = ['access_token', 'refresh_token', 'api_key', 'webhook_secret'] as const

export type TokenType = (typeof tokenTypes)[number]

/** The kind of grant that a type of token belongs to. */
export function kindOf(type: TokenType): GrantKind {
  return type === 'api_key' || type === 'webhook_secret' ? type : 'oauth'
}

/** The token that apps send with their calls; a grant of kind `oauth` has a refresh token beside it. */
export function mainTypeOf(kind: GrantKind): TokenType {
  return kind === 'oauth' ? 'access_token' : kind
}

/** What names one grant: whose it is, at which provider, for which account. */
export interface GrantName {
  readonly tenantId: string
  readonly provider: string
  /** '' where the tenant has one account only. */
  readonly account: string
  readonly kind: GrantKind
}
