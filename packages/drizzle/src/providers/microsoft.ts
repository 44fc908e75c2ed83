import { misuse } from '../vault/arguments.ts'
import type { GrantMetadata, ProviderProfile } from '../vault/provider-profile.ts'
import type { ProviderData } from './answers.ts'
import { checkApp, type OAuthApp } from './app.ts'
import { standardProfile } from './standard.ts'

const DAY = 86_400

/** What `microsoftProvider` takes. */
export interface MicrosoftApp extends OAuthApp {
  /** The directory: its id or domain, or `common` (the default), `organizations`, `consumers`. The one the user signed in at. */
  readonly tenant?: string
  /** For which resource the access token is to be. Default: the first one that was granted. */
  readonly scopes?: readonly string[]
}

/**
 * Of https://learn.microsoft.com/entra/identity-platform/refresh-tokens: a refresh token runs for 90 days (24 hours in single-page
 * apps, which the answer does not say either), each refresh gives a new one, and the old one is not revoked by it. The errors
 * after which the user must sign in are those of
 * https://learn.microsoft.com/javascript/api/@azure/msal-node/interactionrequiredautherrorcodes.
 */
const microsoft: ProviderData = {
  rotates: false,
  idleSeconds: 90 * DAY,
  terminalErrors: ['interaction_required', 'consent_required', 'login_required', 'bad_token'],
}

/** Of https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token. */
export function microsoftEndpoints(tenant: string): { tokenEndpoint: string } {
  return { tokenEndpoint: `https://login.microsoftonline.com/${tenant}/oauth2/v2.0/token` }
}

/**
 * Microsoft Entra ID and Microsoft accounts, with a client secret. Has no `revoke`: Microsoft's only call for it
 * (https://learn.microsoft.com/graph/api/user-revokesigninsessions) signs the user out of everything, not of one app.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` without client id or secret, or for a tenant that is none
 */
export function microsoftProvider<Metadata extends GrantMetadata = GrantMetadata>(
  app: MicrosoftApp,
): ProviderProfile<Metadata> {
  const { tenant = 'common' } = app
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(tenant)) misuse('tenant must be the id or the domain of a directory')
  return microsoftAt(microsoftEndpoints(tenant), app)
}

export function microsoftAt<Metadata extends GrantMetadata>(
  endpoints: ReturnType<typeof microsoftEndpoints>,
  { clientId, clientSecret, scopes }: MicrosoftApp,
): ProviderProfile<Metadata> {
  checkApp({ clientId, clientSecret })
  const client = { clientId, clientSecret, clientAuthentication: 'client_secret_post' } as const
  return standardProfile(microsoft, endpoints, client, scopes)
}
