import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { TokenTypeUnderTest, TokenUnderTest } from '../../src/index.ts'

export type Kind = 'oauth' | 'api_key' | 'webhook_secret'

export interface Name {
  readonly tenantId: string
  readonly provider: string
  readonly account: string
  readonly kind: Kind
}

/** One grant. Instants are milliseconds since the epoch. */
export interface Row extends Name {
  readonly id: string
  readonly sealed: Buffer | null
  readonly status: string
  readonly expiresAt: number | null
  readonly metadata: object
  readonly version: number
  readonly leaseOwner: string | null
  readonly leaseUntil: number
  readonly attempt: boolean
  readonly doubt: boolean
  readonly retryAfter: number
  readonly lastRefreshedAt: number
  readonly lastErrorCode: string | null
}

export type Tokens = { readonly [Type in TokenTypeUnderTest]?: TokenUnderTest }

export class VaultError extends Error {
  readonly code: string

  constructor(code: string, message: string = code) {
    super(message)
    this.code = code
  }
}

/** Rows in memory, in statements that take a moment each, so that others come in between as they do in a database. */
export class ReferenceTable {
  readonly #rows = new Map<string, Row>()
  readonly #key = randomBytes(32)

  async select(where: (row: Row) => boolean): Promise<Row[]> {
    await turn()
    return [...this.#rows.values()].filter(where)
  }

  async find({ tenantId, provider, account, kind }: Name): Promise<Row | undefined> {
    const isNamed = (row: Row) =>
      row.tenantId === tenantId && row.provider === provider && row.account === account && row.kind === kind
    const [row] = await this.select(isNamed)
    return row
  }

  /** False where a row of that name is there. */
  async insert(row: Row): Promise<boolean> {
    if ((await this.find(row)) !== undefined) return false
    this.#rows.set(row.id, row)
    return true
  }

  /** The row as it is then; undefined where it does not meet the condition. */
  async update(id: string, where: (row: Row) => boolean, change: Partial<Row>): Promise<Row | undefined> {
    await turn()
    const row = this.#rows.get(id)
    if (row === undefined || !where(row)) return undefined
    const changed = { ...row, ...change }
    this.#rows.set(id, changed)
    return changed
  }

  /** How many there were. */
  async delete(where: (row: Row) => boolean): Promise<number> {
    const rows = await this.select(where)
    for (const { id } of rows) this.#rows.delete(id)
    return rows.length
  }

  /** Behind the vault's back. */
  async swapTokens(one: Name, other: Name): Promise<void> {
    const [ofOne, ofOther] = [await this.find(one), await this.find(other)]
    if (ofOne === undefined || ofOther === undefined) throw new Error('there is no such row')
    this.#rows.set(ofOne.id, { ...ofOne, sealed: ofOther.sealed })
    this.#rows.set(ofOther.id, { ...ofOther, sealed: ofOne.sealed })
  }

  seal(tokens: Tokens, bound: string): Buffer {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(bound))
    const text = Buffer.concat([cipher.update(JSON.stringify(tokens)), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), text])
  }

  open(sealed: Buffer, bound: string): Tokens {
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, 12), { authTagLength: 16 })
    decipher.setAAD(Buffer.from(bound)).setAuthTag(sealed.subarray(12, 28))
    try {
      const text = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString()
      return JSON.parse(text, (name, value) => (name === 'expiresAt' && value !== null ? new Date(value) : value))
    } catch {
      throw new VaultError('ERR_WAXSEAL_INTEGRITY')
    }
  }
}
