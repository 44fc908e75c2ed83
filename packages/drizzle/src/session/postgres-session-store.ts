import { WaxsealError, WaxsealTypeError } from '@waxseal/core'
import { type SessionOptions, SessionStore } from '@waxseal/session'
import type { PostgresDatabase } from './database.ts'
import { PostgresSessionTable } from './postgres-session-table.ts'
import { Pruning } from './pruning.ts'
import type { PgSessionTable } from './schema.ts'

/** Options of {@link PostgresSessionStore}. */
export interface PostgresSessionStoreOptions extends Omit<SessionOptions, 'version1'> {
  /**
   * A Drizzle database on Postgres: its connections are made, configured and closed by the caller. No transaction, and
   * with read replicas `db.$primary`.
   */
  readonly db: PostgresDatabase
  /** What `pgSessionTable` made. Default `pgSessionTable()`, the table `waxseal_sessions`. */
  readonly table?: PgSessionTable
  /**
   * Seconds between two removals of expired rows, on average: each process waits anything from nothing to twice that.
   * Default 900; 0 turns it off, for where {@link PostgresSessionStore.prune} or the database does it.
   */
  readonly pruneIntervalSeconds?: number
}

/** A longer `setTimeout` fires at once; the wait can be twice the interval. */
const LONGEST_INTERVAL = 1_000_000

/**
 * Encrypted sessions in Postgres, for express-session, @fastify/session and the app's own code: one object for all.
 * Session ids stand hashed in the table, every operation is a single statement, construction does no I/O.
 * Methods, events and errors: see `SessionStore` of `@waxseal/session`.
 *
 * Throws `ERR_WAXSEAL_ARGUMENT` for a database that is none or a transaction, a missing envelope, or a bad duration.
 *
 * @example
 * const sessionStore = new PostgresSessionStore({ db: drizzle(pool), envelope })
 * app.use(session({ store: sessionStore, secret, resave: false, saveUninitialized: false })) // Express
 * await app.register(fastifySession, { store: sessionStore, secret, saveUninitialized: false }) // Fastify
 */
export class PostgresSessionStore extends SessionStore {
  readonly #pruning: Pruning

  constructor({ db, table, pruneIntervalSeconds = 900, ...options }: PostgresSessionStoreOptions) {
    const sessionTable = new PostgresSessionTable(db, table)
    if (!(pruneIntervalSeconds >= 0 && pruneIntervalSeconds <= LONGEST_INTERVAL)) {
      const message = `pruneIntervalSeconds must be a positive number, at most ${LONGEST_INTERVAL}, or 0`
      throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
    }
    super(sessionTable, options)
    this.#pruning = new Pruning(sessionTable, options.timeoutMilliseconds ?? 5000)
    if (pruneIntervalSeconds > 0)
      this.#pruning.every(pruneIntervalSeconds * 1000, (error) => this.#reportFailure(error))
  }

  /**
   * Removes the rows that have expired by the database's clock, in small batches, and returns how many. For scheduled
   * jobs, where no process lives long enough; elsewhere `pruneIntervalSeconds` sees to it.
   */
  prune(): Promise<number> {
    return this.#pruning.run()
  }

  /**
   * Ends the pruning by the timer, and resolves when nothing of it or of `prune` is under way. The database stays open:
   * it is the caller's, who can close it now.
   */
  dispose(): Promise<void> {
    return this.#pruning.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }

  /** Nobody waits for a removal that a timer began. */
  #reportFailure(error: unknown): void {
    this.report('failed', 'prune', undefined, error instanceof WaxsealError ? { code: error.code } : {})
  }
}
