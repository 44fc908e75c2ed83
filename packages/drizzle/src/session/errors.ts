import { WaxsealError, type WaxsealErrorCode } from '@waxseal/core'

/**
 * What an error of Drizzle or a driver means to whoever runs the store. Rests on SQLSTATEs, which are Postgres's API;
 * everything without one is the connection's.
 *
 * @param tableName quoted, as SQL has it
 */
export function toStoreError(error: unknown, tableName: string): WaxsealError {
  if (error instanceof WaxsealError) return error
  const reason = beneathDrizzle(error)
  const state = stateOf(reason)
  const fail = (code: WaxsealErrorCode, text: string, retryable = false) =>
    new WaxsealError(code, text, { cause: withoutValues(reason, state), retryable })

  if (state === '42P01' || state === '3F000') {
    const remedy =
      'create it once by a migration (re-export pgSessionTable() for drizzle-kit, or run sessionTableSql())'
    return fail(
      'ERR_WAXSEAL_TABLE_INVALID',
      `Postgres has no table ${tableName}: ${remedy}, or check database, schema and search_path`,
    )
  }
  if (state === '42501') {
    const remedy = `GRANT SELECT, INSERT, UPDATE, DELETE ON ${tableName} to it, and USAGE on the table's schema`
    return fail('ERR_WAXSEAL_CONFIG', `The role may not use the table ${tableName}: ${remedy}`)
  }
  // A driver's own complaint that a parameter does not fit the column is one of class 22.
  switch (state === 'ERR_INVALID_ARG_TYPE' ? '22' : state.slice(0, 2)) {
    // Data that does not fit, constraints, names and types: none of them can come from a table as we define it.
    case '22':
    case '23':
    case '42': {
      const remedy = 'compare it with what sessionTableSql() creates'
      return fail('ERR_WAXSEAL_TABLE_INVALID', `The table ${tableName} is not a sessions table (${state}): ${remedy}`)
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
  return ['40001', '40P01'].includes(stateOf(beneathDrizzle(error)))
}

/** Drizzle wraps what the driver threw in an error whose message quotes the statement and its parameters. */
function beneathDrizzle(error: unknown): unknown {
  return error instanceof Error && 'params' in error ? error.cause : error
}

/** The SQLSTATE, or what the driver or the operating system has in its place (`ECONNREFUSED`); '' when there is none. */
function stateOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

// Data exceptions, broken constraints, triggers of the app's own: their messages quote what was being written.
const quotesValues = /^((22|23|44|P0)...|ERR_INVALID_ARG_TYPE)$/

/** Drivers hang the statement, its parameters and the row's values on their errors; message and code are passed on alone. */
function withoutValues(error: unknown, code: string): Error {
  const message = error instanceof Error && !quotesValues.test(code) ? error.message : 'withheld, as it may quote a row'
  return Object.assign(new Error(message), { code })
}
