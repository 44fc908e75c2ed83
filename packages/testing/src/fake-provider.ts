import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** The answer of a token endpoint, in the names of RFC 6749. */
export interface FakeTokenResponse {
  readonly access_token: string
  readonly refresh_token?: string
  /** Seconds. */
  readonly expires_in?: number
}

/** What {@link FakeProvider.next} makes of one refresh. */
export type FakeAnswer =
  /** Refused, with nothing spent; the text of the error quotes the refresh token, as providers do. */
  | { readonly error: string; readonly status: number; readonly retryAfterSeconds?: number }
  /** Granted, and left out of the answer; without `refresh_token` the one that came stays good. */
  | { readonly without: 'refresh_token' | 'expires_in' }
  /** Granted, and this in place of the answer: what cannot be read. */
  | { readonly malformed: unknown }
  /** Granted, and the connection broken off before the answer. */
  | 'no answer'

/** What a token vault knows of the provider; fits `ProviderProfile` of `@waxseal/drizzle`. */
export interface FakeProviderProfile {
  readonly rotates: boolean
  refresh(request: { readonly refreshToken: string }): Promise<FakeTokenResponse>
  revoke(grant: { readonly tokens: FakeGrantTokens }): Promise<void>
}

interface FakeGrantTokens {
  readonly refresh_token?: { readonly value: string }
}

/** An OAuth provider that runs in the test process. */
export interface FakeProvider {
  readonly profile: FakeProviderProfile
  /** A user connects an account: the tokens of a new grant. */
  connect(): Required<FakeTokenResponse>
  /** A user disconnects, at the provider, the account that a refresh token is of. */
  disconnect(refreshToken: string): void
  /** Whether a refresh with this token would succeed now. */
  isSpendable(refreshToken: string | undefined): boolean
  /** What becomes of the refreshes after those that this was called for before; of all further ones, success. */
  next(answer: FakeAnswer): void
  /**
   * From now on, requests are heard and their effect takes place, but no answer leaves before the function that this returns
   * was called.
   */
  hold(): () => void
  /** How many refreshes it has heard of. */
  readonly refreshes: number
  /** How many grants have a refresh token that can be spent. */
  readonly liveGrants: number
}

export interface FakeProviderOptions {
  /** Whether each refresh gives a new refresh token and ends the one that was spent. Default true. */
  readonly rotates?: boolean
  /** Between request and answer. Default 0. */
  readonly latencyMilliseconds?: number
  /** How long an access token runs. Default 3,600. */
  readonly expiresInSeconds?: number
}

/** What one user agreed to: every refresh token that came of it, and the one that can be spent. */
interface Consent {
  current: string | undefined
  readonly former: Set<string>
}

/**
 * A provider that can be made to do what providers do when it hurts. It is strict: a refresh token that was spent before ends the
 * grant, the newest refresh token included. It takes no notice of time-outs.
 *
 * @example
 * const provider = fakeProvider({ latencyMilliseconds: 300 })
 * const vault = createTokenVault({ db, envelope, providers: { acme: provider.profile } })
 * provider.next({ error: 'temporarily_unavailable', status: 503 })
 */
export function fakeProvider(options: FakeProviderOptions = {}): FakeProvider {
  const { rotates = true, latencyMilliseconds = 0, expiresInSeconds = 3600 } = options
  const consents: Consent[] = []
  const answers: FakeAnswer[] = []
  let held: Promise<void> = Promise.resolve()
  let refreshes = 0

  const consentOf = (token: string) => consents.find(({ current, former }) => current === token || former.has(token))
  const tokens = (current: string) => ({
    access_token: newToken('access'),
    refresh_token: current,
    expires_in: expiresInSeconds,
  })

  /** The effect of a request, at once, and its answer: a refusal is thrown. */
  const take = (refreshToken: string, answer: FakeAnswer | undefined): unknown => {
    if (typeof answer === 'object' && 'error' in answer) throw new FakeRefusal(refreshToken, answer)
    const consent = consentOf(refreshToken)
    if (consent === undefined || consent.current !== refreshToken) {
      if (consent !== undefined) consent.current = undefined
      throw new FakeRefusal(refreshToken, { error: 'invalid_grant', status: 400 })
    }
    const isLeftOut = (name: string) => typeof answer === 'object' && 'without' in answer && answer.without === name
    if (rotates && !isLeftOut('refresh_token')) {
      consent.former.add(refreshToken)
      consent.current = newToken('refresh')
    }
    if (answer === 'no answer') throw new Error(`socket hang up after refresh_token=${refreshToken}`)
    if (typeof answer === 'object' && 'malformed' in answer) return answer.malformed
    return Object.fromEntries(Object.entries(tokens(consent.current)).filter(([name]) => !isLeftOut(name)))
  }

  return {
    profile: {
      rotates,
      async refresh({ refreshToken }) {
        refreshes++
        const effect = attempt(() => take(refreshToken, answers.shift()))
        await held
        if (latencyMilliseconds > 0) await sleep(latencyMilliseconds)
        return effect() as FakeTokenResponse
      },
      async revoke({ tokens: { refresh_token } }) {
        const consent = refresh_token && consents.find(({ current }) => current === refresh_token.value)
        if (consent !== undefined) consent.current = undefined
      },
    },
    connect() {
      const current = newToken('refresh')
      consents.push({ current, former: new Set() })
      return tokens(current)
    },
    disconnect(refreshToken) {
      const consent = consentOf(refreshToken)
      if (consent !== undefined) consent.current = undefined
    },
    isSpendable: (refreshToken) =>
      refreshToken !== undefined && consents.some(({ current }) => current === refreshToken),
    next(answer) {
      answers.push(answer)
    },
    hold() {
      let release: () => void = () => {}
      held = new Promise((resolve) => {
        release = resolve
      })
      return release
    },
    get refreshes() {
      return refreshes
    },
    get liveGrants() {
      return consents.filter(({ current }) => current !== undefined).length
    },
  }
}

/** By its shape what HTTP clients for OAuth throw. */
class FakeRefusal extends Error {
  readonly error: string
  readonly status: number
  readonly retryAfterSeconds: number | undefined

  constructor(refreshToken: string, answer: Extract<FakeAnswer, { readonly error: string }>) {
    super(`HTTP ${answer.status}: ${answer.error}: the refresh token ${refreshToken} is refused`)
    this.error = answer.error
    this.status = answer.status
    this.retryAfterSeconds = answer.retryAfterSeconds
  }
}

/** Runs it now, and gives or throws what came of it later. */
function attempt<T>(run: () => T): () => T {
  try {
    const result = run()
    return () => result
  } catch (error) {
    return () => {
      throw error
    }
  }
}

function newToken(kind: string): string {
  return `${kind}-${randomBytes(18).toString('base64url')}`
}
