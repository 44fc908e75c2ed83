import { WaxsealError } from '@waxseal/core'
import { checkDatabase, type PostgresDatabase } from '../database.ts'
import { sqlState, type TableNames, toWaxsealError } from '../postgres-errors.ts'
import { repeating } from '../repeating.ts'
import { misuse } from './arguments.ts'
import { type Draft, drafted, named } from './drafts.ts'
import { withEventNotes } from './outbox/event-notes.ts'
import { checkOutbox, type TokenVaultOutbox } from './outbox/outbox-table.ts'
import { isTenantBound, type TokenVaultTable } from './schema.ts'
import { prepareStatements, type Statements } from './statements.ts'
import { quotedName, tableNames } from './table-sql.ts'
import { prepareTenancyStatements } from './tenancy-statements.ts'
import { checkOutsideTenant, checkTenantDatabase } from './with-tenant.ts'

/** Options of the vault that say where its statements run, and how. */
export interface VaultDatabaseOptions {
  readonly db: PostgresDatabase
  readonly systemDb?: PostgresDatabase | undefined
  readonly table: TokenVaultTable
  readonly outbox?: TokenVaultOutbox | undefined
  readonly preparedStatements?: boolean | undefined
}

/** A database that shows the rows of all tenants. */
interface Overview {
  readonly db: PostgresDatabase
  readonly statements: Statements
}

/**
 * Where the statements of a vault run: each by itself, in no transaction of the caller's. Under row-level security one about a
 * tenant has a transaction of its own, in which the tenant is set; all others run as the system's role.
 */
export class VaultDatabase {
  /** Whether rows can be asked for only tenant by tenant. */
  readonly isTenantBound: boolean
  /** Whether a statement can be about rows of any tenant. */
  readonly hasOverview: boolean
  readonly #db: PostgresDatabase
  readonly #names: TableNames
  readonly #statementsOn: (db: PostgresDatabase) => Statements
  readonly #tenancyOn: (db: PostgresDatabase) => ReturnType<typeof prepareTenancyStatements>
  readonly #overview: Overview | undefined
  #overviewCheck: Promise<void> | undefined

  /** Throws `ERR_WAXSEAL_ARGUMENT` when `db` is no Drizzle database on Postgres, a transaction, or one with replicas. */
  constructor({ db, systemDb, table, outbox, preparedStatements = false }: VaultDatabaseOptions) {
    const harm = {
      transaction: 'its rollback would take back a token that the provider gave out once',
      replicas: 'a replica may not have the token that was just stored',
    }
    checkDatabase(db, harm)
    if (systemDb !== undefined) checkDatabase(systemDb, harm)
    this.isTenantBound = isTenantBound(table)
    if (this.isTenantBound) checkTenantDatabase(db)
    this.#db = db
    this.#names = tableNames(table, outbox)
    if (outbox !== undefined) checkOutbox(outbox, table)
    const tables = outbox === undefined ? [table] : [table, outbox]
    const noted = outbox && withEventNotes(outbox)
    const revised = (name: string, draft: Draft) => {
      const revision = noted?.(name, draft) ?? draft
      return preparedStatements ? named(revision) : revision
    }
    this.#statementsOn = drafted((any) => prepareStatements(any, table), revised)
    this.#tenancyOn = drafted((any) => prepareTenancyStatements(any, tables.map(quotedName)))
    const overall = this.isTenantBound ? systemDb : db
    this.#overview = overall && { db: overall, statements: this.#statementsOn(overall) }
    this.hasOverview = overall !== undefined
  }

  /** Throws `ERR_WAXSEAL_ARGUMENT` inside withTenant: for who joins a statement of others, which would not tell. */
  checkCaller(): void {
    checkOutsideTenant(this.#db)
  }

  /**
   * Runs one statement, again where a concurrent transaction came first.
   *
   * @param tenantId the tenant whose rows it is about; undefined: rows of any tenant
   * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` under row-level security without `systemDb`, when no tenant is given
   */
  async run<T>(
    tenantId: string | undefined,
    statement: (statements: Statements, db: PostgresDatabase) => Promise<T>,
  ): Promise<T> {
    this.checkCaller()
    try {
      return await repeating(() =>
        this.isTenantBound && tenantId !== undefined
          ? this.#runAsTenant(tenantId, statement)
          : this.#runOverall(statement),
      )
    } catch (error) {
      if (sqlState(error) === '23503') {
        const message = 'There is no such tenant: create it before its grants'
        throw new WaxsealError('ERR_WAXSEAL_GRANT_TENANT_UNKNOWN', message)
      }
      throw toWaxsealError(error, this.#names)
    }
  }

  #runAsTenant<T>(
    tenantId: string,
    statement: (statements: Statements, db: PostgresDatabase) => Promise<T>,
  ): Promise<T> {
    return this.#db.transaction(async (transaction) => {
      const [standing] = await this.#tenancyOn(transaction).enterTenant.execute({ tenantId })
      if (standing?.isBound !== true) {
        const role = 'a superuser, one with BYPASSRLS, or the owner of a table without FORCE'
        this.#fail(`Row-level security does not hold for the role of db (${role}): give the vault a role of its own`)
      }
      return statement(this.#statementsOn(transaction), transaction)
    })
  }

  async #runOverall<T>(statement: (statements: Statements, db: PostgresDatabase) => Promise<T>): Promise<T> {
    if (this.#overview === undefined) {
      misuse('under row-level security a call about all tenants needs systemDb, an option of createTokenVault')
    }
    const { db, statements } = this.#overview
    this.#overviewCheck ??= this.#checkOverview(db).catch((error) => {
      this.#overviewCheck = undefined
      throw error
    })
    await this.#overviewCheck
    return statement(statements, db)
  }

  /** Under a policy that lets it see but some rows, a role would take none for an answer. */
  async #checkOverview(db: PostgresDatabase): Promise<void> {
    const [standing] = await this.#tenancyOn(db).lookAround.execute()
    const { factory, name } = this.#names
    if (standing?.isShownAll === true) {
      if (standing.restrictedBy === null) return
      const role = `the role of ${this.isTenantBound ? 'systemDb' : 'db'}`
      this.#fail(
        `Row-level security hides rows from ${role} by a restrictive policy (${standing.restrictedBy}): exempt it`,
      )
    }
    this.#fail(
      this.isTenantBound
        ? `The role of systemDb does not see all rows of ${name}: name it as systemRole in ${factory} and migrate`
        : `Row-level security hides rows of ${name} from the role of db: define the table with rls in ${factory}`,
    )
  }

  #fail(message: string): never {
    throw new WaxsealError('ERR_WAXSEAL_CONFIG', message)
  }
}
