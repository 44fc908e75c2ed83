import type { GrantRow } from '../grant-row.ts'
import type { SealedTokens } from '../sealed-tokens.ts'
import type { VaultDatabase } from '../vault-database.ts'

/** The rows of all tenants, as `rotate` goes through them. A write does nothing where the record is another one by then. */
export class RotationRows {
  readonly #database: VaultDatabase

  constructor(database: VaultDatabase) {
    this.#database = database
  }

  /** By id, those after `after` that hold a record. */
  page(after: string, limit: number): Promise<GrantRow[]> {
    return this.#database.run(undefined, ({ sealedAfter }) => sealedAfter.execute({ after, limit }))
  }

  async reread({ id }: GrantRow): Promise<GrantRow | undefined> {
    const [row] = await this.#database.run(undefined, ({ findById }) => findById.execute({ id }))
    return row
  }

  /** Resolves to whether the record was replaced. Lifts a quarantine: what is sealed anew was opened. */
  async reseal({ id, encryptedValue }: GrantRow, { record, kid }: SealedTokens): Promise<boolean> {
    const values = { id, readValue: encryptedValue, encryptedValue: record, kid }
    const changed = await this.#database.run(undefined, ({ reseal }) => reseal.execute(values))
    return changed.length > 0
  }

  async quarantine({ id, encryptedValue }: GrantRow): Promise<void> {
    const values = { id, readValue: encryptedValue }
    await this.#database.run(undefined, ({ quarantine }) => quarantine.execute(values))
  }
}
