import { WaxsealError, type WaxsealErrorCode } from '@waxseal/core'

/** What an error message calls a table, and where its definition comes from. */
export interface TableNames {
  /** Quoted, as SQL has it. */
  readonly name: string
  /** What the table is for, `sessions` for instance. */
  readonly purpose: string
  /** The function that defines it for Drizzle, and the one that gives its SQL. */
  readonly factory: string
  readonly sql: string
}

/**
 * What an error of Drizzle or a driver means to whoever runs the app. Rests on SQLSTATEs, which are Postgres's API;
 * everything without one is the connection's.
 */
export function toWaxsealError(error: unknown, table: TableNames): WaxsealError {
  if (error instanceof WaxsealError) return error
  const reason = beneathDrizzle(error)
  const state = stateOf(reason)
  const fail = (code: WaxsealErrorCode, text: string, retryable = false) =>
    new WaxsealError(code, text, { cause: withoutValues(reason, state), retryable })

  if (state === '42P01' || state === '3F000') {
    const remedy = `create it once by a migration (re-export ${table.factory} for drizzle-kit, or run ${table.sql})`
    return fail(
      'ERR_WAXSEAL_TABLE_INVALID',
      `Postgres has no table ${table.name}: ${remedy}, or check database, schema and search_path`,
    )
  }
  if (state === '42501') {
    const remedy = `GRANT SELECT, INSERT, UPDATE, DELETE ON ${table.name} to it, and USAGE on the table's schema`
    return fail('ERR_WAXSEAL_CONFIG', `The role may not use the table ${table.name}: ${remedy}`)
  }
  // A driver's own complaint that a parameter does not fit the column is one of class 22.
  switch (state === 'ERR_INVALID_ARG_TYPE' ? '22' : state.slice(0, 2)) {
    // Data that does not fit, constraints, names and types: none of them can come from a table as we define it.
    case '22':
    case '23':
    case '42': {
      const remedy = `compare it with what ${table.sql} creates`
      return fail(
        'ERR_WAXSEAL_TABLE_INVALID',
        `The table ${table.name} is not a ${table.purpose} table (${state}): ${remedy}`,
      )
    }
    case '28':
    case '3D': {
      const remedy = 'check user, password and database of the connection'
      return fail('ERR_WAXSEAL_CONFIG', `Postgres refuses the connection (${state}): ${remedy}`)
    }
    default: {
      const name = state || (reason instanceof Error && reason.name) || 'unknown'
      return fail('ERR_WAXSEAL_STORE_UNAVAILABLE', `Postgres did not answer as it should (${name})`, true)
    }
  }
}

/**
 * Another transaction came first and Postgres wants the statement again: a serialization failure, where the app's
 * connections default to `repeatable read` or `serializable`, or a deadlock, of which it ends one side.
 */
export function isToBeRepeated(error: unknown): boolean {
  return ['40001', '40P01'].includes(sqlState(error))
}

/** The SQLSTATE, or what the driver or the operating system has in its place (`ECONNREFUSED`); '' when there is none. */
export function sqlState(error: unknown): string {
  return stateOf(beneathDrizzle(error))
}

/** Drizzle wraps what the driver threw in an error whose message quotes the statement and its parameters. */
function beneathDrizzle(error: unknown): unknown {
  return error instanceof Error && 'params' in error ? error.cause : error
}

function stateOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/**
 * Classes of SQLSTATEs whose messages are Postgres's own and quote names at most: connections, features, transactions, names and
 * rights, resources, operators, system errors. Those of others may quote what was being written.
 */
const quotesNames = /^(08|0A|25|26|28|3D|3F|40|42|53|54|55|57|58|XX)/

/** Drivers hang the statement, its parameters and the row's values on their errors; message and code are passed on alone. */
function withoutValues(error: unknown, code: string): Error {
  const message = error instanceof Error && isQuotable(error, code) ? error.message : 'withheld, as it may quote a row'
  return Object.assign(new Error(message), { code })
}

function isQuotable(error: Error, code: string): boolean {
  // Postgres says where a function was running: one of the app's own, a trigger's, says anything under any SQLSTATE.
  if ('where' in error && error.where !== undefined) return false
  const isState = /^(?=.*\d)[0-9A-Z]{5}$/.test(code)
  return isState ? quotesNames.test(code) : code !== 'ERR_INVALID_ARG_TYPE'
}
