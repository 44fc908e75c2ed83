import { setTimeout as sleep } from 'node:timers/promises'
import { asc, lt, sql } from 'drizzle-orm'
import type { PostgresDatabase } from '../../database.ts'
import { drafted } from '../drafts.ts'
import { seconds, unnamed } from '../parameters.ts'
import type { VaultDatabase } from '../vault-database.ts'
import type { createTokenVaultOutbox, TokenVaultOutbox } from './outbox-table.ts'

/** Rows in one statement: its locks and its share of the log stay small. */
const BATCH_SIZE = 1000

/** In milliseconds, between statements. */
const PAUSE = 50

/** Removes events that are old. */
export class OutboxRows {
  readonly #database: VaultDatabase
  readonly #statementsOn: (db: PostgresDatabase) => ReturnType<typeof prepareOutboxStatements>

  constructor(database: VaultDatabase, outbox: TokenVaultOutbox) {
    this.#database = database
    this.#statementsOn = drafted((any) => prepareOutboxStatements(any, outbox))
  }

  /** Of all tenants. Rows that somebody is reading under a lock are passed over. */
  async prune(olderThanSeconds: number, signal: AbortSignal | undefined): Promise<number> {
    const values = { olderThanSeconds, limit: BATCH_SIZE }
    for (let pruned = 0; ; await sleep(PAUSE)) {
      signal?.throwIfAborted()
      const rows = await this.#database.run(undefined, (_, db) => this.#statementsOn(db).prune.execute(values))
      pruned += rows.length
      if (rows.length < BATCH_SIZE) return pruned
    }
  }
}

function prepareOutboxStatements(db: PostgresDatabase, anyOutbox: TokenVaultOutbox) {
  // Its tenant's type may differ; no statement here depends on it.
  const outbox = anyOutbox as unknown as ReturnType<typeof createTokenVaultOutbox>
  const rows = db
    .select({ id: outbox.id })
    .from(outbox)
    .where(lt(outbox.at, sql`statement_timestamp() - ${seconds('olderThanSeconds')}`))
    .orderBy(asc(outbox.at))
    .limit(sql.placeholder('limit'))
  // Locked, so that Postgres runs it once and first: of a subquery with a LIMIT alone, a nested loop takes the first few again.
  const old = db.$with('old').as(rows.for('update', { skipLocked: true }))
  const prune = db.with(old).delete(outbox).where(sql`${outbox.id} in (select ${old.id} from ${old})`)
  return { prune: prune.returning({ id: outbox.id }).prepare(unnamed) }
}
