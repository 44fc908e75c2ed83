import { AsyncLocalStorage } from 'node:async_hooks'
import { sql } from 'drizzle-orm'
import { checkDatabase, type PostgresDatabase } from '../database.ts'
import { checkName, misuse } from './arguments.ts'

/** The transactions of {@link withTenant} around the code that runs. */
const around = new AsyncLocalStorage<{ readonly db: PostgresDatabase; isOpen: boolean }>()

/** The transaction that `db.transaction` of a database gives, which knows the app's schema. */
export type TransactionOf<Database extends PostgresDatabase> = Parameters<Parameters<Database['transaction']>[0]>[0]

/** Sets the tenant until the end of the transaction; the policy of the table reads it. Stands in a FROM. */
export function tenantSetting(tenantId: unknown) {
  return sql`set_config('waxseal.tenant_id', ${tenantId}, true)`
}

/**
 * Runs the app's own queries as one tenant: in a transaction in which row-level security shows that tenant's rows alone.
 * Resolves to what `run` returns; a rejection rolls the transaction back. The setting ends with the transaction, so a pooled
 * connection carries it to nobody.
 *
 * No call of a vault over the same database may be made inside: it would wait for a connection that this one holds.
 *
 * @param db with row-level security, the database of a role that is subject to it
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` for an empty tenant, a transaction, replicas or a single connection
 * @example
 * const soon = await withTenant(db, tenantId, (tx) => tx.$count(tokenVault, lt(tokenVault.expiresAt, tomorrow)))
 */
export async function withTenant<Database extends PostgresDatabase, Result>(
  db: Database,
  tenantId: string,
  run: (tx: TransactionOf<Database>) => Promise<Result>,
): Promise<Result> {
  checkTenantDatabase(db)
  if (checkName('tenantId', tenantId) === '') misuse('tenantId must not be empty')
  const state = { db, isOpen: true }
  try {
    return await db.transaction(async (tx) => {
      await tx.execute(sql`select from ${tenantSetting(tenantId)}`)
      return around.run(state, run, tx as unknown as TransactionOf<Database>)
    })
  } finally {
    state.isOpen = false
  }
}

/** Throws `ERR_WAXSEAL_ARGUMENT` for a database whose transactions are not apart from each other. */
export function checkTenantDatabase(db: PostgresDatabase): void {
  checkDatabase(db, {
    transaction: 'the tenant would stay set until its end',
    replicas: 'a transaction runs on the primary',
  })
  const client = '$client' in db ? (db.$client as Partial<NodePostgresPool>) : {}
  // What node-postgres calls a Client; Drizzle would send the statements of several transactions to it in turns.
  if ('connect' in client && !isPool(client)) {
    misuse('db must be over a pool: on one connection, a tenant’s transaction would run statements of others')
  }
  if (isPool(client)) discardOpenTransactions(client)
}

interface NodePostgresPool {
  readonly totalCount: number
  on(event: 'release', listener: (error: unknown, client: NodePostgresClient) => void): unknown
}

interface NodePostgresClient {
  /** `I` outside of transactions; of recent versions. */
  getTransactionStatus?(): string | null
  end(): unknown
}

function isPool(client: Partial<NodePostgresPool>): client is NodePostgresPool {
  return 'totalCount' in client && 'on' in client
}

const attended = new WeakSet<NodePostgresPool>()

/**
 * With `query_timeout`, node-postgres also gives up on a ROLLBACK that waits behind a slow statement. Drizzle hands such a
 * connection back all the same, and whoever is next on it would be inside the tenant's transaction. A client that ends here
 * is one that its pool lets go.
 */
function discardOpenTransactions(pool: NodePostgresPool): void {
  if (attended.has(pool)) return
  attended.add(pool)
  pool.on('release', (_, client) => {
    if ((client.getTransactionStatus?.() ?? 'I') !== 'I') client.end()
  })
}

/** Throws `ERR_WAXSEAL_ARGUMENT` inside {@link withTenant} on this database. */
export function checkOutsideTenant(db: PostgresDatabase): void {
  const state = around.getStore()
  if (state?.isOpen && state.db === db)
    misuse('no call of a vault can be made inside withTenant: make it before or after')
}
