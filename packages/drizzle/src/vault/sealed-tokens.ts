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
}

/** Seals and opens the tokens of a grant, bound to its row, its names and the logical name of the vault. */
export class TokenSealer {
  readonly #envelope: Envelope
  readonly #logicalName: string

  constructor(envelope: Envelope, logicalName: string) {
    this.#envelope = envelope.with({ purpose: 'vault' })
    this.#logicalName = logicalName
  }

  async seal(tokens: Tokens, id: string, name: GrantName): Promise<{ record: Uint8Array; kid: string }> {
    const sealed: { [Type in TokenType]?: SealedToken } = {}
    for (const type of tokenTypes) {
      const token = tokens[type]
      if (token !== undefined) sealed[type] = { ...token, expiresAt: token.expiresAt?.getTime() ?? null }
    }
    const record = await this.#envelope.sealJson(sealed, this.#context(id, name))
    return { record, kid: recordKeyIds(record)[0] ?? '' }
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
      const { value, expiresAt, valid } = token
      tokens[type] = { value, expiresAt: expiresAt === null ? null : new Date(expiresAt), valid }
    }
    return tokens
  }

  /** What a record is bound to: in another row, or under another name, it does not open. */
  #context(id: string, { tenantId, provider, account, kind }: GrantName): RecordContext {
    return { purpose: 'grant', table: this.#logicalName, tenant: tenantId, provider, account, kind, id }
  }
}

function isSealedToken(value: unknown): value is SealedToken {
  if (typeof value !== 'object' || value === null) return false
  const { value: text, expiresAt, valid } = value as Partial<SealedToken>
  return typeof text === 'string' && (expiresAt === null || Number.isFinite(expiresAt)) && typeof valid === 'boolean'
}
