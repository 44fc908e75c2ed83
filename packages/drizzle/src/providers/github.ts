import type { GrantMetadata, ProviderProfile } from '../vault/provider-profile.ts'
import { type ProviderData, refusal } from './answers.ts'
import { checkApp, type OAuthApp } from './app.ts'
import { ask, isSuccess } from './http.ts'
import { standardProfile } from './standard.ts'

const HOUR = 3600
const DAY = 24 * HOUR

/**
 * Of https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens and
 * https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization.
 */
export function githubEndpoints(clientId: string): { tokenEndpoint: string; grantEndpoint: string } {
  return {
    tokenEndpoint: 'https://github.com/login/oauth/access_token',
    grantEndpoint: `https://api.github.com/applications/${encodeURIComponent(clientId)}/grant`,
  }
}

/**
 * Of
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens: access
 * tokens run for 8 hours (28,800 seconds), refresh tokens for 6 months (15,811,200), and a refresh ends the refresh token that was
 * spent at once. Errors come with HTTP 200: `incorrect_client_credentials` is of
 * https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors,
 * `bad_refresh_token` stands in no page of GitHub's, but in answers of it, as in https://github.com/interlink-hq/interLink/pull/262.
 */
const github: ProviderData = {
  rotates: true,
  idleSeconds: 183 * DAY,
  defaultLifetimeSeconds: 8 * HOUR,
  terminalErrors: ['bad_refresh_token'],
  clientErrors: ['incorrect_client_credentials'],
  otherErrors: ['unverified_user_email'],
  scopeSeparator: ',',
}

/**
 * GitHub, for a GitHub App whose user tokens expire; those of OAuth apps do not: store them without expiry and refresh token.
 * A refresh ends the old access token, too, so whoever still uses it while another process refreshes gets a 401 from GitHub.
 * `revoke` removes the user's authorisation of the app, for which GitHub wants an access token that still runs: with an expired
 * one nothing can be done there, and the grant counts as revoked.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` without client id or secret
 */
export function githubProvider<Metadata extends GrantMetadata = GrantMetadata>(
  app: OAuthApp,
): ProviderProfile<Metadata> {
  return githubAt(githubEndpoints(app.clientId), app)
}

export function githubAt<Metadata extends GrantMetadata>(
  { tokenEndpoint, grantEndpoint }: ReturnType<typeof githubEndpoints>,
  app: OAuthApp,
): ProviderProfile<Metadata> {
  checkApp(app)
  const client = { ...app, clientAuthentication: 'client_secret_post' } as const
  const credentials = Buffer.from(`${app.clientId}:${app.clientSecret}`).toString('base64')
  const headers = {
    authorization: `Basic ${credentials}`,
    accept: 'application/vnd.github+json',
    'user-agent': 'waxseal',
  }
  return {
    ...standardProfile<Metadata>(github, { tokenEndpoint }, client),
    async revoke({ tokens: { access_token } }, { signal }) {
      if (access_token === undefined) return
      const body = JSON.stringify({ access_token: access_token.value })
      const answer = await ask(grantEndpoint, { method: 'DELETE', headers, body }, signal)
      // 404 and 422: GitHub knows no such token, or not any more.
      if (!isSuccess(answer) && answer.status !== 404 && answer.status !== 422) throw refusal(answer, github)
    },
  }
}
