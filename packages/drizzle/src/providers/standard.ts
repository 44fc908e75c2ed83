import { ProviderError } from '../vault/provider-error.ts'
import type { GrantMetadata, ProviderProfile } from '../vault/provider-profile.ts'
import type { ProviderData } from './answers.ts'
import { type Endpoints, type OAuthClient, OAuthEndpoints } from './oauth-endpoints.ts'

/** A profile over the endpoints of RFC 6749 and RFC 7009, as closures: spread into another object, it still works. */
export function standardProfile<Metadata extends GrantMetadata>(
  data: ProviderData,
  endpoints: Endpoints,
  client: OAuthClient,
  scopes?: readonly string[],
): ProviderProfile<Metadata> {
  const { clientErrors, otherErrors, scopeSeparator, ...profile } = data
  const oauth = new OAuthEndpoints(endpoints, client, data)
  const mayRevoke = 'issuer' in endpoints || endpoints.revocationEndpoint !== undefined
  return {
    ...profile,
    refresh: ({ refreshToken }, { signal }) => oauth.refresh(refreshToken, scopes?.join(' '), signal),
    ...(mayRevoke && {
      revoke: async ({ tokens: { refresh_token, access_token } }, { signal }) => {
        // The refresh token first: with it, most providers end the access token, too, and without it nothing new comes.
        if (refresh_token) await oauth.revoke(refresh_token.value, 'refresh_token', signal)
        if (access_token) {
          await oauth.revoke(access_token.value, 'access_token', signal).catch((error: unknown) => {
            if (refresh_token === undefined || !isUnsupported(error)) throw error
          })
        }
      },
    }),
  }
}

/** RFC 7009 leaves it to providers whether access tokens can be revoked at all; all that could be done is done. */
function isUnsupported(error: unknown): boolean {
  return error instanceof ProviderError && error.error === 'unsupported_token_type'
}
