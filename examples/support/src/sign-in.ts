import * as openid from 'openid-client'
import type { PendingSignIn, Tokens, User } from './app-session.ts'

const GOOGLE = 'https://accounts.google.com'

export interface SignedIn {
  readonly user: User
  readonly tokens: Tokens
  /** What the tokens allow. */
  readonly scopes: readonly string[]
}

/** Sign-in by OpenID Connect: authorization code with PKCE, state and nonce. */
export interface SignIn {
  /** Where to send the browser, and what to keep in the session until it comes back to `callbackUrl`. */
  begin(callbackUrl: string): Promise<{ readonly url: string; readonly pending: PendingSignIn }>
  /** Checks what the browser brought back and exchanges the code for tokens. @throws Error when anything is amiss. */
  finish(currentUrl: string, pending: PendingSignIn): Promise<SignedIn>
}

/** Reads OIDC_ISSUER, GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET. Asks the provider at the first sign-in, not before. */
export function createSignIn(): SignIn {
  const issuer = new URL(process.env.OIDC_ISSUER ?? GOOGLE)
  let discovery: Promise<openid.Configuration> | undefined
  const configuration = (): Promise<openid.Configuration> => {
    discovery ??= discover(issuer).catch((error) => {
      // The next sign-in asks again.
      discovery = undefined
      throw error
    })
    return discovery
  }

  return {
    async begin(callbackUrl) {
      const config = await configuration()
      const pending = {
        codeVerifier: openid.randomPKCECodeVerifier(),
        state: openid.randomState(),
        nonce: openid.randomNonce(),
      }
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: callbackUrl,
        scope: 'openid email profile',
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(pending.codeVerifier),
        code_challenge_method: 'S256',
        ...consent(issuer),
      })
      return { url: url.href, pending }
    },

    async finish(currentUrl, pending) {
      const config = await configuration()
      const tokens = await openid.authorizationCodeGrant(config, new URL(currentUrl), {
        pkceCodeVerifier: pending.codeVerifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      })
      const scopes = tokens.scope?.split(' ') ?? []
      return { user: userFrom(tokens.claims()), tokens: tokensFrom(tokens), scopes }
    },
  }
}

function discover(issuer: URL): Promise<openid.Configuration> {
  const { GOOGLE_CLIENT_ID = '', GOOGLE_CLIENT_SECRET = '' } = process.env
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(issuer.hostname)
  return openid.discovery(issuer, GOOGLE_CLIENT_ID, undefined, openid.ClientSecretBasic(GOOGLE_CLIENT_SECRET), {
    execute: loopback ? [openid.allowInsecureRequests] : [],
  })
}

/** Google gives a refresh token only for offline access and a fresh consent; others are asked for a fresh sign-in. */
function consent(issuer: URL): Record<string, string> {
  if (issuer.origin === GOOGLE) return { access_type: 'offline', prompt: 'consent select_account' }
  return { prompt: 'login' }
}

function userFrom(claims: openid.IDToken | undefined): User {
  const email = claims?.email
  const name = claims?.name
  if (typeof email !== 'string') throw new Error('The provider sent no e-mail address')
  return { email, ...(typeof name === 'string' ? { name } : {}) }
}

function tokensFrom(tokens: openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers): Tokens {
  return {
    accessToken: tokens.access_token,
    ...(tokens.id_token === undefined ? {} : { idToken: tokens.id_token }),
    ...(tokens.refresh_token === undefined ? {} : { refreshToken: tokens.refresh_token }),
    expiresAt: Date.now() + (tokens.expiresIn() ?? 0) * 1000,
  }
}
