import { misuse } from '../vault/arguments.ts'
import type { GrantMetadata, ProviderProfile } from '../vault/provider-profile.ts'
import { checkText, checkUrl } from './app.ts'
import { standardProfile } from './standard.ts'

/** What `oauthProvider` takes beside where the endpoints are. What is known of the provider becomes part of the profile. */
export interface OAuthSettings extends Omit<ProviderProfile, 'refresh' | 'revoke'> {
  readonly clientId: string
  /** Absent: a public client, which sends its id alone. */
  readonly clientSecret?: string
  /**
   * Default `client_secret_basic`, which every provider must take. By RFC 6749 (2.3.1) id and secret are form-encoded in it, `.`,
   * `-` and `_` too: for a provider that does not decode them, and refuses a right secret by `invalid_client`, take
   * `client_secret_post`.
   */
  readonly clientAuthentication?: 'client_secret_basic' | 'client_secret_post'
  /** What a refresh asks for, no more than was granted. Default: all that was. */
  readonly scopes?: readonly string[]
  /** Takes http endpoints on other machines, too: whoever is in between reads secret and tokens. Default false. */
  readonly allowHttp?: boolean
}

/**
 * Where the endpoints are: an issuer, whose discovery document (OpenID Connect) is read at the first refresh and kept, or their
 * URLs.
 */
export type OAuthProviderOptions = OAuthSettings &
  (
    | { readonly issuer: string; readonly tokenEndpoint?: never; readonly revocationEndpoint?: never }
    | { readonly tokenEndpoint: string; readonly revocationEndpoint?: string; readonly issuer?: never }
  )

/**
 * Any provider that keeps to RFC 6749: its refresh tokens, and where it has an endpoint for it the revocation of RFC 7009. All
 * numbers stay at the vault's careful defaults; give those that its documentation names.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` for an option that cannot work
 * @example
 * const crm = oauthProvider({ issuer: 'https://id.example.com', clientId, clientSecret, graceSeconds: 30 })
 */
export function oauthProvider<Metadata extends GrantMetadata = GrantMetadata>({
  issuer,
  tokenEndpoint,
  revocationEndpoint,
  clientId,
  clientSecret,
  clientAuthentication,
  scopes,
  allowHttp = false,
  ...profile
}: OAuthProviderOptions): ProviderProfile<Metadata> {
  checkText('clientId', clientId)
  if (clientSecret !== undefined) checkText('clientSecret', clientSecret)
  if ((issuer === undefined) === (tokenEndpoint === undefined)) misuse('one of issuer and tokenEndpoint must be given')
  const endpoints = issuer === undefined ? { tokenEndpoint, revocationEndpoint } : { issuer }
  for (const [name, url] of Object.entries(endpoints)) if (url !== undefined) checkUrl(name, url, allowHttp)
  return standardProfile(profile, endpoints, { clientId, clientSecret, clientAuthentication, allowHttp }, scopes)
}
