import { ProviderError } from '../vault/provider-error.ts'
import type { GrantMetadata, ProviderProfile } from '../vault/provider-profile.ts'
import { fields, readTokens } from './answers.ts'
import { checkApp, type OAuthApp } from './app.ts'
import { type Answer, ask, isSuccess } from './http.ts'

const DAY = 86_400

/** Of the page that the data below is of. */
export const whatsappBusinessEndpoint = 'https://graph.facebook.com/oauth/access_token'

/**
 * Of https://developers.facebook.com/docs/business-management-apis/system-users/install-apps-and-generate-tokens: a token of a
 * system user runs for 60 days, or for ever; exchanged while it runs, it gives another 60 days under a new token, and stays good
 * until its own expiry. An expired one can be exchanged no more
 * (https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived), which is why the buffer is a week: it is
 * our choice, so that an outage of days costs no grant.
 */
const whatsappBusiness = {
  expiryBufferSeconds: 7 * DAY,
  rotates: false,
  idleSeconds: 60 * DAY,
  defaultLifetimeSeconds: 60 * DAY,
}

/** "Get a new access token": https://developers.facebook.com/docs/graph-api/guides/error-handling. */
const deadTokenCodes = [102, 190]

/**
 * WhatsApp Business, with the tokens of Meta's system users. Meta has no refresh tokens; a token that still runs is exchanged
 * for the next one. So store one that expires as both: `{ access_token: { value, expiresAt }, refresh_token: { value, expiresAt } }`;
 * and one that never expires as `access_token` alone, without expiry.
 *
 * Meta documents the exchange as a GET, with app secret and token in the URL: keep them out of traces of outgoing requests.
 * Has no `revoke`: Meta wants a second token for it, of somebody who may.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` without client id (Meta's app id) or secret
 */
export function whatsappBusinessProvider<Metadata extends GrantMetadata = GrantMetadata>(
  app: OAuthApp,
): ProviderProfile<Metadata> {
  return whatsappBusinessAt(whatsappBusinessEndpoint, app)
}

export function whatsappBusinessAt<Metadata extends GrantMetadata>(
  endpoint: string,
  { clientId, clientSecret }: OAuthApp,
): ProviderProfile<Metadata> {
  checkApp({ clientId, clientSecret })
  return {
    ...whatsappBusiness,
    async refresh({ refreshToken }, { signal }) {
      const url = new URL(endpoint)
      url.search = new URLSearchParams({
        grant_type: 'fb_exchange_token',
        client_id: clientId,
        client_secret: clientSecret,
        set_token_expires_in_60_days: 'true',
        fb_exchange_token: refreshToken,
      }).toString()
      const answer = await ask(url, { method: 'GET' }, signal)
      if (!isSuccess(answer)) throw refusalOf(answer)
      const { access_token, expires_in } = readTokens(answer, {})
      if (expires_in === undefined) return { access_token, refresh_token: access_token }
      return { access_token, expires_in, refresh_token: access_token, refresh_token_expires_in: expires_in }
    },
  }
}

function refusalOf(answer: Answer): ProviderError {
  const { error } = fields(answer)
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  const { status, retryAfterSeconds } = answer
  const isDead = typeof code === 'number' && deadTokenCodes.includes(code)
  return new ProviderError(isDead ? 'invalid_grant' : '', { status, retryAfterSeconds })
}
