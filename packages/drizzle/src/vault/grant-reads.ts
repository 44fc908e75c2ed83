import { type Batch, Batches } from '@waxseal/session'
import type { GrantName } from './grant.ts'
import type { KeptGrant } from './grant-row.ts'
import type { VaultDatabase } from './vault-database.ts'

/** Grants in one statement: what a slow or failing one holds up stays small. */
const BATCH_SIZE = 25

/**
 * Reads of one turn of the event loop in one statement, and of a row only what serving its tokens takes: Postgres spends more
 * time on understanding a statement than on finding a row by its key, and the driver on a statement than on a row.
 */
export class GrantReads {
  readonly #database: VaultDatabase
  readonly #batches = new Batches<string, KeptGrant | undefined>({ most: BATCH_SIZE }, (batch) => this.#send(batch))

  constructor(database: VaultDatabase) {
    this.#database = database
  }

  async find(name: GrantName): Promise<KeptGrant | undefined> {
    this.#database.checkCaller()
    // With row-level security a statement sees the rows of one tenant, and its transaction costs more than the statement.
    if (this.#database.isTenantBound) return this.#findOne(name)
    return this.#batches.add(keyOf(name), { aborted: false, onabort: null })
  }

  async #send(batch: Batch<string, KeptGrant | undefined>): Promise<void> {
    const keys = [...new Set(batch.waiting.map(({ request }) => request))]
    const rows = keys.length === 1 ? [await this.#findOne(nameOf(keys[0] ?? ''))] : await this.#findMany(keys)
    const found = new Map(rows.map((row) => [row && keyOf(row), row]))
    for (const { request, resolve } of batch.waiting) resolve(found.get(request))
  }

  async #findMany(keys: readonly string[]): Promise<KeptGrant[]> {
    const names = JSON.stringify(keys.map(nameOf))
    return this.#database.run(undefined, ({ findMany }) => findMany.execute({ names }))
  }

  async #findOne(name: GrantName): Promise<KeptGrant | undefined> {
    const [row] = await this.#database.run(name.tenantId, ({ findOne }) => findOne.execute({ ...name }))
    return row
  }
}

function keyOf({ tenantId, provider, account, kind }: GrantName): string {
  return JSON.stringify([tenantId, provider, account, kind])
}

function nameOf(key: string): GrantName {
  const [tenantId, provider, account, kind] = JSON.parse(key)
  return { tenantId, provider, account, kind }
}
