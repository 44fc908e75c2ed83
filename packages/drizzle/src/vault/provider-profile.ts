import type { Grant, OpenGrant } from './open-grant.ts'

/** The app's own part of a grant, in the clear: not secret, and whoever can write the table can write it. */
export type GrantMetadata = Readonly<Record<string, unknown>>

/** What a refresher spends. */
export interface RefreshRequest<Metadata extends GrantMetadata = GrantMetadata> {
  readonly refreshToken: string
  readonly grant: Grant<string, Metadata>
}

/** The successful answer of a token endpoint (RFC 6749, section 5.1): that of any OAuth client can be returned as it is. */
export interface TokenResponse {
  readonly access_token: string
  /** Absent: the one that was spent stays good. */
  readonly refresh_token?: string | undefined
  /** Seconds, counted from when the provider was asked. */
  readonly expires_in?: number | undefined
  /** Seconds; of providers whose refresh tokens expire. */
  readonly refresh_token_expires_in?: number | undefined
  /** Separated by blanks; absent: as before. */
  readonly scope?: string | undefined
}

/**
 * What the vault knows of one provider; `{}` will do. Without `refresh` its access tokens are never refreshed.
 *
 * @typeParam Metadata what the metadata of its grants is; checked by the compiler alone
 */
export interface ProviderProfile<Metadata extends GrantMetadata = GrantMetadata> {
  /**
   * Asks the provider for a new access token, once: the vault repeats, in its own time. To tell what the provider
   * answered, it rejects with a {@link ProviderError}, or with the error of `openid-client` or `oauth4webapi` as it is;
   * any other rejection counts as no answer, after which the refresh token may have been spent or not.
   *
   * @param options.signal aborts after `refreshTimeoutSeconds`; pass it on to `fetch`
   */
  refresh?(request: RefreshRequest<Metadata>, options: { readonly signal: AbortSignal }): Promise<TokenResponse>
  /** How long before its expiry an access token is refreshed, but no sooner than halfway through its life. Default 300. */
  readonly expiryBufferSeconds?: number
  /** How long the provider may take to answer a refresh, at most 120. Default 10. */
  readonly refreshTimeoutSeconds?: number
  /** Whether a refresh gives a new refresh token and ends the one that was spent. Default true, the careful choice. */
  readonly rotates?: boolean
  /** How long after that the provider still takes the one that was spent. Default 0. */
  readonly graceSeconds?: number
  /** After how long without a refresh a refresh token expires, where the provider does not say so. Default: never. */
  readonly idleSeconds?: number
  /**
   * How long an access token runs where the provider never says so. Default: as long as the one before it; where that is not
   * known either, until it is reported by `reportUnauthorized`.
   */
  readonly defaultLifetimeSeconds?: number
  /** Error codes that end a grant as `invalid_grant` does. */
  readonly terminalErrors?: readonly string[]
  /**
   * Tells the provider that a grant is revoked, before its tokens are erased; may be called more than once for the same
   * tokens. A rejection, or no end within 10 seconds, leaves the grant `REVOKING`. Without it, tokens are only erased.
   *
   * @param options.signal aborts when the time is over
   */
  revoke?(grant: OpenGrant<string, Metadata>, options: { readonly signal: AbortSignal }): Promise<void>
}

/** Profiles by the names of the app's providers. */
export type ProviderProfiles = Readonly<Record<string, ProviderProfile>>

/** The names of an app's providers. */
export type ProviderName<Profiles extends ProviderProfiles> = keyof Profiles & string

/** The metadata of the grants of one provider. */
export type MetadataOf<Profile> =
  Profile extends ProviderProfile<infer Metadata extends GrantMetadata> ? Metadata : GrantMetadata
