import { WaxsealError } from '@waxseal/core'
import { checkDatabase, type PostgresDatabase } from '../database.ts'
import { isToBeRepeated, sqlState, type TableNames, toWaxsealError } from '../postgres-errors.ts'
import type { TokenVaultTable } from './schema.ts'
import { prepareStatements, type Statements } from './statements.ts'
import { tableNames } from './table-sql.ts'

/** Where the statements of a vault run: each by itself, in no transaction of the caller's. */
export class VaultDatabase {
  readonly #db: PostgresDatabase
  readonly #names: TableNames
  readonly #statements: Statements

  /** Throws `ERR_WAXSEAL_ARGUMENT` when `db` is no Drizzle database on Postgres, a transaction, or one with replicas. */
  constructor(db: PostgresDatabase, table: TokenVaultTable) {
    checkDatabase(db, {
      transaction: 'its rollback would take back a token that the provider gave out once',
      replicas: 'a replica may not have the token that was just stored',
    })
    this.#db = db
    this.#names = tableNames(table)
    this.#statements = prepareStatements(db, table)
  }

  /**
   * Runs one statement, again where a concurrent transaction came first.
   *
   * @param _tenantId the tenant whose rows it is about; undefined: rows of any tenant
   */
  async run<T>(
    _tenantId: string | undefined,
    statement: (statements: Statements, db: PostgresDatabase) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      try {
        return await statement(this.#statements, this.#db)
      } catch (error) {
        if (isToBeRepeated(error)) continue
        if (sqlState(error) === '23503') {
          const message = 'There is no such tenant: create it before its grants'
          throw new WaxsealError('ERR_WAXSEAL_GRANT_TENANT_UNKNOWN', message)
        }
        throw toWaxsealError(error, this.#names)
      }
    }
  }
}
