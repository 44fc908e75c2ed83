import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ProviderError,
  type ProviderProfile,
  type RefreshRequest,
  type TokenResponse,
} from '../../../src/vault/index.ts'

type Answer = TokenResponse | Promise<TokenResponse>

/** What the provider does with one request in place of what it should, given what it would have answered. */
export type Twist = (rightAnswer: () => TokenResponse, signal: AbortSignal) => Answer

/** A provider in memory that rotates refresh tokens, and revokes the whole grant when one is spent twice (RFC 9700). */
export class StrictProvider {
  /** Milliseconds until it answers. */
  delay = 0
  /** The fields of an answer that are not as they should be. */
  answer: Partial<Record<keyof TokenResponse, unknown>> = {}
  readonly requests: RefreshRequest[] = []
  readonly revoked: string[] = []
  readonly #current = new Map<string, string>()
  readonly #spent = new Map<string, string>()
  readonly #twists: Twist[] = []

  /** The refresh token of a new grant. */
  connect(grant: string = randomUUID()): string {
    const refreshToken = `rt-${randomUUID()}`
    this.#current.set(refreshToken, grant)
    return refreshToken
  }

  get calls(): number {
    return this.requests.length
  }

  takes(refreshToken: string | undefined): boolean {
    return this.#current.has(refreshToken ?? '')
  }

  /** For the next requests, one each. */
  next(...twists: Twist[]): void {
    this.#twists.push(...twists)
  }

  profile(change: ProviderProfile = {}): ProviderProfile {
    return {
      refresh: async (request, { signal }) => {
        this.requests.push(request)
        const twist = this.#twists.shift()
        if (this.delay > 0) await sleep(this.delay)
        const rightAnswer = () => this.#rotate(request.refreshToken)
        return twist === undefined ? rightAnswer() : twist(rightAnswer, signal)
      },
      revoke: async ({ tokens }) => {
        this.revoked.push(tokens.refresh_token?.value ?? '')
      },
      ...change,
    }
  }

  #rotate(refreshToken: string): TokenResponse {
    const reused = this.#spent.get(refreshToken)
    if (reused !== undefined) {
      for (const [token, grant] of this.#current) if (grant === reused) this.#current.delete(token)
    }
    const grant = this.#current.get(refreshToken)
    if (grant === undefined) throw new ProviderError('invalid_grant', { status: 400 })
    this.#current.delete(refreshToken)
    this.#spent.set(refreshToken, grant)
    const answer = { access_token: `at-${randomUUID()}`, refresh_token: this.connect(grant), expires_in: 3600 }
    return { ...answer, ...this.answer } as TokenResponse
  }
}

/** Answers as an HTTP server that refuses. */
export function refusal(status: number, error = '', retryAfterSeconds?: number): Twist {
  return () => {
    throw new ProviderError(error, { status, retryAfterSeconds })
  }
}

/** Does what it should, and then the answer is lost. */
export const lostAnswer: Twist = (rightAnswer) => {
  rightAnswer()
  throw new TypeError('fetch failed')
}
