import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  type CustomFetch,
  customFetch,
  discovery,
  None,
  refreshTokenGrant,
  type ServerMetadata,
  tokenRevocation,
} from 'openid-client'
import type { TokenResponse } from '../vault/provider-profile.ts'
import { type AnswerCodes, readTokens, refusal } from './answers.ts'
import { type Answer, ask, isSecure, isSuccess, noAnswer, notSent } from './http.ts'

/** The app as a provider knows it. */
export interface OAuthClient {
  readonly clientId: string
  /** Absent: a public client. */
  readonly clientSecret?: string | undefined
  readonly clientAuthentication?: 'client_secret_basic' | 'client_secret_post' | undefined
  readonly allowHttp?: boolean | undefined
}

/** Where a provider's endpoints are, or who says so. */
export type Endpoints =
  | { readonly issuer: string }
  | { readonly tokenEndpoint: string; readonly revocationEndpoint?: string | undefined }

/** Of the time that a refresh has, no more than this goes by before the provider is asked, in milliseconds. */
const DISCOVERY_TIMEOUT = 5000

/**
 * The endpoints of RFC 6749 and RFC 7009. `openid-client` finds them and makes the requests; what it gets to see of an answer
 * are the tokens, since all else that it checks (an ID token, the type of the token) would make a refresh fail for which a
 * refresh token has been spent.
 */
export class OAuthEndpoints {
  readonly #endpoints: Endpoints
  readonly #client: OAuthClient
  readonly #codes: AnswerCodes
  #server: Promise<ServerMetadata> | undefined

  constructor(endpoints: Endpoints, client: OAuthClient, codes: AnswerCodes) {
    this.#endpoints = endpoints
    this.#client = client
    this.#codes = codes
  }

  /** @param scope as granted; narrower gives an access token for less */
  refresh(refreshToken: string, scope: string | undefined, signal: AbortSignal): Promise<TokenResponse> {
    return this.#call(
      signal,
      (configuration) => refreshTokenGrant(configuration, refreshToken, scope === undefined ? {} : { scope }),
      (answer) => ({ token_type: 'bearer', ...readTokens(answer, this.#codes) }),
    )
  }

  /** Does nothing where the provider has no endpoint for it. */
  async revoke(token: string, type: 'access_token' | 'refresh_token', signal: AbortSignal): Promise<void> {
    const server = await this.#metadata()
    if (server.revocation_endpoint === undefined) return
    await this.#call(
      signal,
      (configuration) => tokenRevocation(configuration, token, { token_type_hint: type }),
      (answer) => {
        if (!isSuccess(answer)) throw refusal(answer, this.#codes)
        return {}
      },
    )
  }

  /** Resolves as `call` does; rejects with what `read` or the request rejected with, never with an error of openid-client. */
  async #call<T>(
    signal: AbortSignal,
    call: (configuration: Configuration) => Promise<T>,
    read: (answer: Answer) => object,
  ): Promise<T> {
    const configuration = this.#configuration(await this.#metadata())
    let failure: unknown = notSent()
    configuration[customFetch] = async (url, { method, headers, body }) => {
      try {
        const answer = await this.#ask(url, { method, headers, body }, signal)
        failure = noAnswer('not understood')
        return Response.json(read(answer))
      } catch (error) {
        failure = error
        throw error
      }
    }
    return call(configuration).catch(() => {
      throw failure
    })
  }

  #configuration(server: ServerMetadata): Configuration {
    const configuration = new Configuration(server, this.#client.clientId, undefined, this.#authentication())
    // The vault's signal is the only clock, and `#ask` judges http.
    configuration.timeout = 0
    allowInsecureRequests(configuration)
    return configuration
  }

  #authentication(): ClientAuth {
    const { clientSecret, clientAuthentication } = this.#client
    if (clientSecret === undefined) return None()
    return clientAuthentication === 'client_secret_post'
      ? ClientSecretPost(clientSecret)
      : ClientSecretBasic(clientSecret)
  }

  /** Asked for once, when it is needed first; again after a failure. */
  #metadata(): Promise<ServerMetadata> {
    this.#server ??= this.#discover().catch(() => {
      this.#server = undefined
      throw notSent()
    })
    return this.#server
  }

  async #discover(): Promise<ServerMetadata> {
    if ('tokenEndpoint' in this.#endpoints) {
      const { tokenEndpoint, revocationEndpoint } = this.#endpoints
      // The issuer of whom no answer is checked: openid-client wants one.
      const issuer = new URL(tokenEndpoint).origin
      return {
        issuer,
        token_endpoint: tokenEndpoint,
        ...(revocationEndpoint !== undefined && { revocation_endpoint: revocationEndpoint }),
      }
    }
    // Its own time-out: several refreshes may wait for it, and the first of them to be aborted must not end it.
    const signal = AbortSignal.timeout(DISCOVERY_TIMEOUT)
    const fetchDocument: CustomFetch = async (url, { method, headers }) => {
      const { status, body } = await this.#ask(url, { method, headers }, signal)
      return Response.json(body ?? null, { status })
    }
    const options = { [customFetch]: fetchDocument, execute: [allowInsecureRequests] }
    const found = await discovery(new URL(this.#endpoints.issuer), this.#client.clientId, undefined, None(), options)
    return found.serverMetadata()
  }

  #ask(url: string, request: { method: string; headers: Record<string, string>; body?: unknown }, signal: AbortSignal) {
    if (!isSecure(new URL(url), this.#client.allowHttp === true)) throw notSent()
    const { method, headers, body } = request
    return ask(url, { method, headers, ...(body instanceof URLSearchParams && { body }) }, signal)
  }
}
