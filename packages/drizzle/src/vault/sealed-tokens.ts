import { type Envelope, type RecordContext, recordKeyIds, WaxsealError } from '@waxseal/core'
import { checkInstant, misuse } from './arguments.ts'
import { type GrantName, type TokenType, tokenTypes } from './grant.ts'

/** One token of a grant. */
export interface Token {
  readonly value: string
  /** Null: not known to expire. */
  readonly expiresAt: Date | null
  /** Whether nobody has reported it invalid. It may have expired all the same. */
  readonly valid: boolean
  /** How long it ran when a refresh brought it; absent where no provider has said so. */
  readonly lifetimeSeconds?: number
}

/** A token as callers give it. */
export interface TokenInput {
  readonly value: string
  /** Default null: not known to expire. */
  readonly expiresAt?: Date | null
}

/** Throws `ERR_WAXSEAL_ARGUMENT` for what is no token, without a word of it. */
export function newToken({ value, expiresAt }: TokenInput): Token {
  if (typeof value !== 'string' || value === '') misuse('the value of a token must be a string, not empty')
  return { value, expiresAt: checkInstant('expiresAt', expiresAt), valid: true }
}

/** The tokens of one grant, by type. */
export type Tokens = { readonly [Type in TokenType]?: Token }

/** A token as JSON: its expiry in milliseconds since the epoch. */
interface SealedToken {
  readonly value: string
  readonly expiresAt: number | null
  readonly valid: boolean
  readonly lifetimeSeconds?: number
}

/** A record, and the key-encryption key that it is sealed under. */
export interface SealedTokens {
  readonly record: Uint8Array
  readonly kid: string
}

/** Seals tokens at once, with a key that is at hand whatever becomes of the key service. */
export interface PreparedSealer {
  seal(tokens: Tokens, id: string, name: GrantName): SealedTokens
  /** Gives the key up. */
  release(): void
}

/** Seals and opens the tokens of a grant, bound to its row, its names and the logical name of the vault. */
export class TokenSealer {
  readonly #envelope: Envelope
  readonly #logicalName: string

  constructor(envelope: Envelope, logicalName: string) {
    this.#envelope = envelope.with({ purpose: 'vault' })
    this.#logicalName = logicalName
  }

  async seal(tokens: Tokens, id: string, name: GrantName): Promise<SealedTokens> {
    return sealedTokens(await this.#envelope.sealJson(asJson(tokens), this.#context(id, name)))
  }

  /** For before a call that cannot be repeated: what it brings can be sealed then. */
  async prepare(): Promise<PreparedSealer> {
    const sealer = await this.#envelope.prepare()
    return {
      seal: (tokens, id, name) => sealedTokens(sealer.sealJson(asJson(tokens), this.#context(id, name))),
      release: () => sealer.release(),
    }
  }

  /** The ids of the keys that records are sealed under today, in their order, separated by blanks. */
  async currentKeys(): Promise<string> {
    const sealer = await this.#envelope.prepare()
    try {
      return recordKeyIds(sealer.sealJson(null, { purpose: 'rotation' })).join(' ')
    } finally {
      sealer.release()
    }
  }

  /** Throws the envelope's errors, or `ERR_WAXSEAL_RECORD_MALFORMED` when what was sealed are no tokens. */
  async open(record: Uint8Array, id: string, name: GrantName): Promise<Tokens> {
    const sealed = await this.#envelope.openJson(record, this.#context(id, name))
    const tokens: { [Type in TokenType]?: Token } = {}
    for (const type of tokenTypes) {
      const token = (sealed as Record<string, unknown> | null)?.[type]
      if (token === undefined) continue
      if (!isSealedToken(token)) {
        throw new WaxsealError('ERR_WAXSEAL_RECORD_MALFORMED', 'The record opens, but holds no tokens')
      }
      tokens[type] = fromJson(token)
    }
    return tokens
  }

  /** What a record is bound to: in another row, or under another name, it does not open. */
  #context(id: string, { tenantId, provider, account, kind }: GrantName): RecordContext {
    return { purpose: 'grant', table: this.#logicalName, tenant: tenantId, provider, account, kind, id }
  }
}

function asJson(tokens: Tokens): { [Type in TokenType]?: SealedToken } {
  const sealed: { [Type in TokenType]?: SealedToken } = {}
  for (const type of tokenTypes) {
    const token = tokens[type]
    if (token !== undefined) sealed[type] = { ...token, expiresAt: token.expiresAt?.getTime() ?? null }
  }
  return sealed
}

function fromJson({ value, expiresAt, valid, lifetimeSeconds }: SealedToken): Token {
  return {
    value,
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
    valid,
    ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
  }
}

export function sealedTokens(record: Uint8Array): SealedTokens {
  return { record, kid: recordKeyIds(record)[0] ?? '' }
}

function isSealedToken(value: unknown): value is SealedToken {
  if (typeof value !== 'object' || value === null) return false
  const { value: text, expiresAt, valid, lifetimeSeconds = 0 } = value as Partial<SealedToken>
  const isToken = typeof text === 'string' && typeof valid === 'boolean'
  return isToken && (expiresAt === null || Number.isFinite(expiresAt)) && Number.isFinite(lifetimeSeconds)
}
