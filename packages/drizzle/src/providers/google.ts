import type { GrantMetadata, ProviderProfile } from '../vault/provider-profile.ts'
import { type ProviderData, refusal } from './answers.ts'
import { checkApp, type OAuthApp } from './app.ts'
import { ask, isSuccess } from './http.ts'
import { standardProfile } from './standard.ts'

const DAY = 86_400

/** Where Google is asked: https://developers.google.com/identity/protocols/oauth2/web-server#offline, #tokenrevoke. */
export const googleEndpoints = {
  tokenEndpoint: 'https://oauth2.googleapis.com/token',
  revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
}

/**
 * What Google's documentation says of its refresh tokens (https://developers.google.com/identity/protocols/oauth2#expiration): one
 * that was spent stays good, and stops after six months without use. Six months are 184 days at most; those of an app whose
 * consent screen is in testing stop after 7 days, which shows as `invalid_grant`.
 */
const google: ProviderData = {
  rotates: false,
  idleSeconds: 184 * DAY,
  clientErrors: ['deleted_client'],
  otherErrors: ['invalid_token'],
}

/**
 * Google. A refresh gives no new refresh token; revoking one token ends the whole grant.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` without client id or secret
 */
export function googleProvider<Metadata extends GrantMetadata = GrantMetadata>(
  app: OAuthApp,
): ProviderProfile<Metadata> {
  return googleAt(googleEndpoints, app)
}

export function googleAt<Metadata extends GrantMetadata>(
  { tokenEndpoint, revocationEndpoint }: typeof googleEndpoints,
  app: OAuthApp,
): ProviderProfile<Metadata> {
  checkApp(app)
  return {
    ...standardProfile<Metadata>(google, { tokenEndpoint }, { ...app, clientAuthentication: 'client_secret_post' }),
    async revoke({ tokens }, { signal }) {
      const token = tokens.refresh_token ?? tokens.access_token
      if (token === undefined) return
      const body = new URLSearchParams({ token: token.value })
      const answer = await ask(revocationEndpoint, { method: 'POST', body }, signal)
      if (isSuccess(answer)) return
      const error = refusal(answer, google)
      // Where RFC 7009 has 200, Google refuses a token that is not good any more: done already, here or by the user.
      if (error.error !== 'invalid_token') throw error
    },
  }
}
