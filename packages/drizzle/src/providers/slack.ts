import type { GrantMetadata, ProviderProfile } from '../vault/provider-profile.ts'
import { fields, type ProviderData, refusal } from './answers.ts'
import { checkApp, type OAuthApp } from './app.ts'
import { ask, isSuccess } from './http.ts'
import { standardProfile } from './standard.ts'

const HOUR = 3600

/** Of https://docs.slack.dev/reference/methods/oauth.v2.access and https://docs.slack.dev/reference/methods/auth.revoke. */
export const slackEndpoints = {
  tokenEndpoint: 'https://slack.com/api/oauth.v2.access',
  revocationEndpoint: 'https://slack.com/api/auth.revoke',
}

/** A token that Slack takes no more, for `auth.revoke`. */
const deadTokens = ['token_revoked', 'token_expired', 'invalid_auth', 'account_inactive']

/**
 * Of https://docs.slack.dev/authentication/using-token-rotation: access tokens run for 12 hours, and a refresh token is revoked by
 * its use. No grace is documented, so there is none. Slack's own SDKs refresh two hours ahead
 * (https://slack.dev/python-slack-sdk/api-docs/slack_sdk/oauth/token_rotation/rotator.html). Errors are those of `oauth.v2.access`;
 * `internal_error` and `fatal_error` are missing, since after them, as Slack says there, part of the work may have been done.
 */
const slack: ProviderData = {
  expiryBufferSeconds: 2 * HOUR,
  rotates: true,
  defaultLifetimeSeconds: 12 * HOUR,
  terminalErrors: ['invalid_refresh_token', 'token_revoked', 'account_inactive'],
  clientErrors: ['invalid_client_id', 'bad_client_secret'],
  otherErrors: ['ratelimited', 'invalid_grant_type', 'invalid_arguments', 'accesslimited', ...deadTokens],
  scopeSeparator: ',',
}

/**
 * Slack, for an app with token rotation; bot and user tokens are grants of their own. Without rotation tokens never expire:
 * store them without expiry and refresh token. Slack answers errors with HTTP 200. `revoke` ends the access token; what Slack does
 * with its refresh token is not documented.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` without client id or secret
 */
export function slackProvider<Metadata extends GrantMetadata = GrantMetadata>(
  app: OAuthApp,
): ProviderProfile<Metadata> {
  return slackAt(slackEndpoints, app)
}

export function slackAt<Metadata extends GrantMetadata>(
  { tokenEndpoint, revocationEndpoint }: typeof slackEndpoints,
  app: OAuthApp,
): ProviderProfile<Metadata> {
  checkApp(app)
  // In a Basic header, Slack's documentation has id and secret as they are, and RFC 6749 encodes the dot in each of its ids.
  const client = { ...app, clientAuthentication: 'client_secret_post' } as const
  return {
    ...standardProfile<Metadata>(slack, { tokenEndpoint }, client),
    async revoke({ tokens: { access_token } }, { signal }) {
      if (access_token === undefined) return
      const headers = { authorization: `Bearer ${access_token.value}` }
      const answer = await ask(revocationEndpoint, { method: 'POST', headers }, signal)
      if (isSuccess(answer) && fields(answer).ok === true) return
      const error = refusal(answer, slack)
      if (!deadTokens.includes(error.error)) throw error
    },
  }
}
