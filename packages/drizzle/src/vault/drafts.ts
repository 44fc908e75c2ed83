import { createHash } from 'node:crypto'
import { PgDatabase, PgDialect, PgPreparedQuery, PgSession, type PreparedQueryConfig } from 'drizzle-orm/pg-core'
import type { PostgresDatabase } from '../database.ts'

/** With what a session is asked to prepare a statement: its text and how its rows are read. */
export type Draft = Parameters<PgSession['prepareQuery']>

/** Statements by name. */
type Prepared = Readonly<Record<string, PgPreparedQuery<PreparedQueryConfig>>>

/**
 * Builds statements once, for any number of databases and transactions: to build one costs Drizzle more time than to run
 * it, and a transaction of one statement would pay that each time.
 *
 * @param build prepares them on the database that it is given; no joins
 * @param revise puts another in the place of one, which gives the same rows
 * @returns the same statements, to run on another database
 */
export function drafted<Statements extends Prepared>(
  build: (db: PostgresDatabase) => Statements,
  revise: (name: string, draft: Draft) => Draft = (_, draft) => draft,
): (db: PostgresDatabase) => Statements {
  const built = Object.entries(build(new PgDatabase(new PgDialect(), new DraftingSession(), undefined)))
  const drafts = built.map(([name, statement]) => [name, revise(name, (statement as Drafted).draft)] as const)
  return ({ _: { session } }) => {
    const prepared = drafts.map(([name, draft]) => [name, session.prepareQuery(...draft)])
    return Object.fromEntries(prepared)
  }
}

/**
 * The statement under a name, by which a driver lets the server keep it. The name is that of the text: vaults over several tables
 * share connections.
 */
export function named([query, fields, _, ...rest]: Draft): Draft {
  const name = createHash('sha256').update(query.sql).digest('base64url').slice(0, 22)
  return [query, fields, `waxseal_${name}`, ...rest]
}

/** Keeps what it is asked to prepare. */
class DraftingSession extends PgSession {
  constructor() {
    super(new PgDialect())
  }

  override prepareQuery<Config extends PreparedQueryConfig>(...draft: Draft): PgPreparedQuery<Config> {
    return new Drafted(draft)
  }

  override transaction(): never {
    throw new TypeError('A draft runs nowhere')
  }
}

class Drafted<Config extends PreparedQueryConfig = PreparedQueryConfig> extends PgPreparedQuery<Config> {
  readonly draft: Draft

  constructor(draft: Draft) {
    super(draft[0], undefined, undefined)
    this.draft = draft
  }

  override execute(): never {
    throw new TypeError('A draft runs nowhere')
  }
}
