export interface User {
  readonly email: string
  readonly name?: string
}

/** What the OpenID provider handed out: the reason why a session must not lie about in plain text. */
export interface Tokens {
  readonly accessToken: string
  readonly idToken?: string
  readonly refreshToken?: string
  /** When the access token ends, in milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Kept between the way to the provider and the way back. */
export interface PendingSignIn {
  readonly codeVerifier: string
  readonly state: string
  readonly nonce: string
}

/** What both examples keep in a session; each tells its framework's types about it. */
export interface AppSession {
  user?: User
  tokens?: Tokens
  pendingSignIn?: PendingSignIn
  /** In milliseconds since the epoch. */
  signedInAt?: number
  /** What the session was begun with: a browser, a system. */
  device?: string
  /** Whatever the user typed, so that there is something to change. */
  note?: string
}
