import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Configuration, JWK, Provider } from 'oidc-provider'
import { API_PATH, answerApi } from './local-api.ts'
import { memoryAdapter } from './memory-adapter.ts'
import { answerSignIn, SIGN_IN_PATH } from './sign-in-form.ts'

/** The tokens of one sign-in, as the provider sent them. */
export interface IssuedTokens {
  readonly accessToken: string
  readonly idToken: string
  readonly refreshToken: string
}

/**
 * An OpenID provider on this machine: real protocol and tokens, but anybody may sign in under any address. Every refresh
 * gives a new refresh token; one that is spent a second time ends the grant, as it does where thieves are reckoned with.
 */
export interface LocalProvider {
  readonly issuer: string
  /** An API that takes the provider's access tokens, see `answerApi`. */
  readonly api: string
  readonly clientId: string
  readonly clientSecret: string
  close(): Promise<void>
}

export interface LocalProviderOptions {
  /** Where the provider may send a browser back to, the whole URLs. */
  readonly redirectUris: readonly string[]
  readonly onError: (error: Error) => void
  /** Called after every sign-in; for tests that must know the tokens. */
  readonly onTokens?: (tokens: IssuedTokens) => void
  /** How long an access token runs. Default an hour. */
  readonly accessTokenSeconds?: number | undefined
  /** Where it keeps what it knows, tokens included, over restarts. Default: in memory. */
  readonly stateFile?: string | undefined
}

const CLIENT_ID = 'waxseal-example'
const HOUR = 3600
const DAY = 24 * HOUR

/** Starts the provider on a free port of 127.0.0.1. Without a `stateFile` it forgets everything when it is closed. */
export async function startLocalProvider(options: LocalProviderOptions): Promise<LocalProvider> {
  const clientSecret = randomBytes(32).toString('base64url')
  let answer: RequestListener = (_request, response) => response.writeHead(503).end()
  const server = createServer((request, response) => answer(request, response))
  // The issuer is part of every token, so the port must be known before the provider is made.
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = await createProvider(issuer, configuration(clientSecret, options))
  const { onError, onTokens } = options
  provider.on('server_error', (_context, error) => onError(error))
  provider.on('grant.success', (context) => onTokens?.(issuedTokens(context.body as Record<string, string>)))
  answer = listener(provider, options)
  return {
    issuer,
    api: issuer + API_PATH,
    clientId: CLIENT_ID,
    clientSecret,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function listener(provider: Provider, options: LocalProviderOptions): RequestListener {
  const speakProtocol = provider.callback()
  const appOrigins = [...new Set(options.redirectUris.map((uri) => new URL(uri).origin))]
  const answer = (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url?.startsWith(SIGN_IN_PATH)) return answerSignIn(provider, appOrigins, request, response)
    return request.url === API_PATH ? answerApi(provider, request, response) : speakProtocol(request, response)
  }
  return (request, response) => {
    answer(request, response).catch((error) => {
      options.onError(error)
      response.writeHead(500).end()
    })
  }
}

async function createProvider(issuer: string, configuration: Configuration): Promise<Provider> {
  // oidc-provider asks for Node 22 on stderr while it loads. What is used of it here runs on Node 20 as well.
  const { warn } = console
  console.warn = () => {}
  try {
    const { Provider } = await import('oidc-provider')
    return new Provider(issuer, configuration)
  } finally {
    console.warn = warn
  }
}

function configuration(clientSecret: string, options: LocalProviderOptions): Configuration {
  const { redirectUris, accessTokenSeconds = HOUR, stateFile } = options
  return {
    adapter: memoryAdapter(stateFile),
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: clientSecret,
        redirect_uris: [...redirectUris],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // Google, too, puts the address into the ID token.
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
    interactions: { url: (_context, interaction) => `${SIGN_IN_PATH}${interaction.uid}` },
    findAccount: (_context, email) => ({
      accountId: email,
      claims: () => ({ sub: email, email, email_verified: true, name: nameFrom(email) }),
    }),
    // The app is the provider's own, so nobody is asked for consent. Each time a grant of its own: two tenants that connect
    // the same account can each be revoked without the other.
    async loadExistingGrant({ oidc }) {
      const clientId = oidc.client?.clientId ?? CLIENT_ID
      const fresh = new oidc.provider.Grant({ clientId, accountId: oidc.session?.accountId ?? '' })
      fresh.addOIDCScope('openid email profile')
      await fresh.save()
      return fresh
    },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    // Grants outlive the browser's session at the provider, and the sign-in of another account in it.
    expiresWithSession: () => false,
    ttl: {
      AccessToken: accessTokenSeconds,
      IdToken: HOUR,
      Interaction: HOUR,
      Session: DAY,
      Grant: 14 * DAY,
      RefreshToken: 14 * DAY,
    },
  }
}

function signingKey(): JWK {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' } as JWK
}

/** 'ada.lovelace@example.com' → 'Ada Lovelace' */
function nameFrom(email: string): string {
  const words = (email.split('@')[0] ?? '').split(/[._-]+/).filter((word) => word !== '')
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ')
}

function issuedTokens(body: Record<string, string>): IssuedTokens {
  const { access_token = '', id_token = '', refresh_token = '' } = body
  return { accessToken: access_token, idToken: id_token, refreshToken: refresh_token }
}
