import { WaxsealTypeError } from '@waxseal/core'
import { is, SQL, sql } from 'drizzle-orm'
import {
  getTableConfig,
  type IndexedColumn,
  type PgColumn,
  PgDialect,
  type PgPolicy,
  type PgTable,
} from 'drizzle-orm/pg-core'
import type { TableNames } from '../postgres-errors.ts'
import type { TokenVaultOutbox } from './outbox/outbox-table.ts'
import { type TokenVaultTable, tokenVault } from './schema.ts'

const dialect = new PgDialect()

/**
 * The statements that create the table of a token vault, or its outbox, for migrations without drizzle-kit; they can be repeated, in
 * one transaction where row-level security is on: in between, no policy is there.
 *
 * @throws WaxsealTypeError `ERR_WAXSEAL_ARGUMENT` for extra columns that are generated: drizzle-kit makes those.
 * @example
 * await writeFile('migrations/002-token-vault.sql', tokenVaultSql())
 */
export function tokenVaultSql(table: TokenVaultTable | TokenVaultOutbox = tokenVault): string {
  return tokenVaultStatements(table)
    .map((statement) => `${statement};\n`)
    .join('')
}

/** The same, one by one: not every driver takes several in one call. */
export function tokenVaultStatements(table: PgTable): string[] {
  const { columns, foreignKeys, indexes } = getTableConfig(table)
  const lines = [
    ...columns.map(columnSql),
    ...foreignKeys.map((key) => {
      const { columns, foreignColumns, foreignTable } = key.reference()
      const target = `REFERENCES ${quotedName(foreignTable)}(${list(foreignColumns)})`
      const actions = `ON DELETE ${key.onDelete ?? 'no action'} ON UPDATE ${key.onUpdate ?? 'no action'}`
      return `CONSTRAINT ${quoted(key.getName())} FOREIGN KEY (${list(columns)}) ${target} ${actions}`
    }),
  ]
  return [
    `CREATE TABLE IF NOT EXISTS ${quotedName(table)} (\n  ${lines.join(',\n  ')}\n)`,
    ...indexes.map(({ config: { name, columns, unique, where } }) => {
      const names = list(columns as IndexedColumn[])
      const create = unique ? 'CREATE UNIQUE INDEX' : 'CREATE INDEX'
      const rows = where === undefined ? '' : ` WHERE ${written(where)}`
      return `${create} IF NOT EXISTS ${quoted(name ?? '')} ON ${quotedName(table)} (${names})${rows}`
    }),
    ...rowSecurityStatements(table),
  ]
}

/** Those of row-level security, none where it is off. */
export function rowSecurityStatements(table: PgTable): string[] {
  const { policies, enableRLS } = getTableConfig(table)
  if (!enableRLS) return []
  const name = quotedName(table)
  return [
    ...policies.flatMap((policy) => policySql(policy, name)),
    `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`,
    // Else its owner would see all rows; drizzle-kit knows no word for it.
    `ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`,
  ]
}

function policySql({ name, to, using, withCheck }: PgPolicy, table: string): string[] {
  const policy = `${quoted(name)} ON ${table}`
  const role = to === 'public' ? to : quoted(String(to))
  const rows = `USING (${written(using)}) WITH CHECK (${written(withCheck)})`
  return [`DROP POLICY IF EXISTS ${policy}`, `CREATE POLICY ${policy} AS PERMISSIVE FOR ALL TO ${role} ${rows}`]
}

/** The name as SQL has it, schema included: `"token_vault"`, `"auth"."token_vault"`. */
export function quotedName(table: PgTable): string {
  const { schema, name } = getTableConfig(table)
  return schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`
}

/** What errors call the tables of a vault: which of them an error is about, Postgres does not always say. */
export function tableNames(table: PgTable, outbox?: TokenVaultOutbox): TableNames {
  return {
    name: outbox === undefined ? quotedName(table) : `${quotedName(table)} or ${quotedName(outbox)}`,
    purpose: 'token vault',
    factory: outbox === undefined ? 'createTokenVaultTable()' : 'createTokenVaultTable() and createTokenVaultOutbox()',
    sql: 'tokenVaultSql()',
  }
}

/** A name as SQL has it. */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

function columnSql(column: PgColumn): string {
  const { generatedIdentity } = column
  // One without options is numbered as Postgres does it.
  const isPlain =
    generatedIdentity?.type === 'always' && Object.keys(generatedIdentity.sequenceOptions ?? {}).length === 0
  if (column.generated !== undefined || (generatedIdentity !== undefined && !isPlain)) {
    const message = `tokenVaultSql: the column ${column.name} is generated; its migration is for drizzle-kit to make`
    throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
  }
  const primary = column.primary ? ' PRIMARY KEY' : ''
  const identity = isPlain ? ' GENERATED ALWAYS AS IDENTITY' : ''
  const fallback = column.default === undefined ? '' : ` DEFAULT ${inline(column)}`
  const required = column.notNull && !column.primary ? ' NOT NULL' : ''
  const unique = column.isUnique ? ` CONSTRAINT ${quoted(column.uniqueName ?? '')} UNIQUE` : ''
  return `${quoted(column.name)} ${column.getSQLType()}${primary}${identity}${fallback}${required}${unique}`
}

/** The column's default as SQL, values written out. */
function inline(column: PgColumn): string {
  const value = is(column.default, SQL) ? column.default : sql`${sql.param(column.default, column)}`
  return written(value)
}

function written(expression: SQL | undefined): string {
  return expression === undefined ? '' : dialect.sqlToQuery(expression.inlineParams()).sql
}

function list(columns: readonly { readonly name: string | undefined }[]): string {
  return columns.map(({ name }) => quoted(name ?? '')).join(',')
}
