/** The vault's table by every way there is to create it: drizzle-kit from a re-export, plain SQL, migrateTokenVault. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { PGlite } from '@electric-sql/pglite'
import { startPglite } from '@waxseal/engines'
import { boolean, char, integer, text, uuid } from 'drizzle-orm/pg-core'
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { migrateTokenVault } from '../../src/vault/migrate.ts'
import { createTokenVaultTable, tokenVault } from '../../src/vault/schema.ts'
import { tokenVaultSql } from '../../src/vault/table-sql.ts'
import { openNodePostgres, openPostgresJs } from '../support/databases.ts'
import { customersOutbox, customersVault, outbox } from './support/app-schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'waxseal-drizzle-kit-'))
afterAll(() => rmSync(folder, { recursive: true }))

const run = promisify(execFile)
const home = join(import.meta.dirname, '../..')

/** Runs drizzle-kit on the schema of apps that re-export the table. */
async function drizzleKit(command: string, config: object = {}): Promise<string> {
  const file = join(folder, `${randomUUID()}.json`)
  const schema = 'test/vault/support/app-schema.ts'
  writeFileSync(file, JSON.stringify({ dialect: 'postgresql', schema, out: relative(home, folder), ...config }))
  const { stdout } = await run('node_modules/.bin/drizzle-kit', [command, `--config=${file}`], {
    cwd: home,
    env: { ...process.env, NODE_OPTIONS: '--conditions=waxseal-source', NO_COLOR: '1' },
  })
  return stdout
}

const push = (dbCredentials: object, driver?: string) =>
  drizzleKit('push', {
    dbCredentials,
    ...(driver && { driver }),
    schemaFilter: ['public', 'customers'],
    // As an app does whose own migrations' table is not in its schema either.
    tablesFilter: ['!*_migrations'],
  })

/** A database of its own, since the apps' tables have fixed names. */
async function newDatabase(...statements: string[]): Promise<string> {
  const address = new URL(inject('postgres'))
  const name = `vault_kit_${randomUUID().replaceAll('-', '')}`
  await query(address.href, `create database ${name}`)
  address.pathname = `/${name}`
  for (const statement of statements) await query(address.href, statement)
  return address.href
}

async function query(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

const names = `('token_vault', 'tokens', 'token_vault_outbox', 'events')`

/** Everything that Postgres knows of the columns, constraints and indexes of both vaults and their outboxes. */
const description = `
  select json_agg(c order by c.table_name, c.ordinal_position) as found from (
    select table_name, column_name, ordinal_position, data_type, udt_name, is_nullable, column_default
    from information_schema.columns where table_name in ${names}
  ) c
  union all select json_agg(i order by i.indexname) from (
    select indexname, indexdef from pg_indexes where tablename in ${names}
  ) i
  union all select json_agg(k order by k.conname) from (
    select conname, pg_get_constraintdef(oid) from pg_constraint
    where conrelid in (select oid from pg_class where relname in ${names})
  ) k
  union all select json_agg(p order by p.policyname) from (
    select policyname, permissive, roles, cmd, qual, with_check from pg_policies
    where tablename in ${names}
  ) p
  union all select json_agg(relrowsecurity order by relname) from pg_class where relname in ${names}`

/** Of the app's two tables, only the second has row-level security. */
const isForced = `select json_agg(relforcerowsecurity order by relname) as forced from pg_class
  where relname in ('token_vault', 'tokens')`
const secondForced = [{ forced: [false, true] }]

const roleSql = `do $$ begin create role vault_kit_system; exception when others then null; end $$`
beforeAll(() => query(inject('postgres'), roleSql))

const tenantsSql = 'create table tenants (id uuid primary key not null); create schema customers'

/** The migration that drizzle-kit makes, generated once for the file. */
let generated: Promise<string> | undefined
const generate = () => {
  generated ??= drizzleKit('generate').then(() => readFileSync(join(folder, migrations()[0]!), 'utf8'))
  return generated
}
const migrations = () => readdirSync(folder).filter((name) => name.endsWith('.sql'))

const tables = [tokenVault, customersVault, outbox, customersOutbox]
const plainSql = tables.map((table) => tokenVaultSql(table))

describe('drizzle-kit', () => {
  it('makes the migration from a re-export, the same tables as the plain SQL, and nothing the second time', async () => {
    const migrated = await newDatabase(await generate())
    expect(migrations()).toHaveLength(1)
    expect(await drizzleKit('generate')).toContain('No schema changes')
    expect(migrations()).toHaveLength(1)

    const written = await newDatabase(tenantsSql, ...plainSql)
    const found = await query(migrated, description)
    const [columns, indexes, , policies, hasSecurity] = found.map((row) => row.found)
    expect(columns).toHaveLength(64)
    expect(indexes).toHaveLength(12)
    expect(policies).toMatchObject([
      { policyname: 'events_system' },
      { policyname: 'events_tenant' },
      { policyname: 'tokens_system', roles: ['vault_kit_system'] },
      { policyname: 'tokens_tenant' },
    ])
    expect(hasSecurity).toEqual([true, false, false, true])
    expect(await query(written, description)).toEqual(found)
    expect(await query(written, isForced)).toEqual(secondForced)
  })

  it('leaves FORCE to one line of the app’s own, after which there is nothing to change either', async () => {
    const url = await newDatabase(await generate())
    expect(await query(url, isForced)).not.toEqual(secondForced)
    await query(url, 'alter table customers.tokens force row level security')
    expect(await push({ url })).toContain('No changes detected')
    expect(await query(url, isForced)).toEqual(secondForced)
  })

  it('makes the same tables on PGlite', async () => {
    const { client, stop } = await startPglite()
    await client.exec(roleSql)
    await client.exec(await generate())
    const { rows } = await client.query(description)
    expect(rows).toEqual(await query(await newDatabase(await generate()), description))
    await stop()
  })

  it('finds nothing to change in a database that the plain SQL made', async () => {
    const url = await newDatabase(tenantsSql, ...plainSql)
    expect(await push({ url })).toContain('No changes detected')
  })

  it('finds nothing to change in a PGlite that migrateTokenVault made', async () => {
    const data = join(folder, 'pglite')
    const client = new PGlite(data)
    const db = drizzlePglite({ client })
    await client.exec(`${roleSql}; ${tenantsSql}`)
    for (const table of tables) await migrateTokenVault(db, table)
    expect((await client.query(isForced)).rows).toEqual(secondForced)
    await client.close()
    expect(await push({ url: data }, 'pglite')).toContain('No changes detected')
  })
})

describe.each([
  { driver: 'node-postgres', open: (url: string) => openNodePostgres(url) },
  { driver: 'postgres.js', open: (url: string) => openPostgresJs(url) },
])('migrateTokenVault by $driver', ({ open }) => {
  it('makes the same tables as the plain SQL, however many processes start at once, and once only', async () => {
    const url = await newDatabase(tenantsSql)
    const processes = Array.from({ length: 6 }, () => open(url))
    await Promise.all(processes.map(({ db }) => migrateTokenVault(db)))
    await Promise.all(processes.map(({ db }) => migrateTokenVault(db, customersVault)))
    await Promise.all(processes.map(({ close }) => close()))
    const written = await newDatabase(tenantsSql, tokenVaultSql(), tokenVaultSql(customersVault))
    expect(await query(url, description)).toEqual(await query(written, description))
    expect(await query(url, 'select id from token_vault_migrations')).toEqual([{ id: 1 }])
    expect(await query(url, 'select id from customers.tokens_migrations')).toEqual([{ id: 1 }])
  })

  it('turns row-level security on when the definition comes to ask for it, for another role too, and once only', async () => {
    const url = await newDatabase(tenantsSql)
    const { db, close } = open(url)
    const options = { name: 'tokens', schema: 'customers', tenantId: uuid('tenant_id').notNull() }
    await migrateTokenVault(db, createTokenVaultTable(options))
    await migrateTokenVault(db)
    expect(await query(url, isForced)).not.toEqual(secondForced)
    await migrateTokenVault(db, customersVault)
    expect(await query(url, isForced)).toEqual(secondForced)
    const policies = `select oid, polroles::regrole[]::text as roles from pg_policy order by polname`
    const before = await query(url, policies)
    expect(before).toMatchObject([{ roles: '{vault_kit_system}' }, { roles: '{-}' }])
    await migrateTokenVault(db, customersVault)
    expect(await query(url, policies)).toEqual(before)
    await migrateTokenVault(db, createTokenVaultTable({ ...options, rls: { systemRole: 'postgres' } }))
    expect(await query(url, policies)).toMatchObject([{ roles: '{postgres}' }, { roles: '{-}' }])
    await close()
  })

  it('leaves nothing behind when it fails, and says who has to do something', async () => {
    const url = await newDatabase()
    const { db, close } = open(url)
    await expect(migrateTokenVault(db, customersVault)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_TABLE_INVALID' })
    await query(url, 'create table token_vault (something text)')
    await expect(migrateTokenVault(db)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_TABLE_INVALID' })
    expect(await query(url, `select to_regclass('token_vault_migrations') as found`)).toEqual([{ found: null }])
    await close()
  })

  it('takes no transaction', async () => {
    const { db, close } = open(inject('postgres'))
    await db.transaction(async (transaction) => {
      await expect(migrateTokenVault(transaction)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
    })
    await close()
  })
})

describe('the plain SQL', () => {
  it('stands in the guide as it is', () => {
    const guide = readFileSync(join(home, '../../docs/vault.md'), 'utf8')
    expect(guide).toContain(`\`\`\`sql\n${tokenVaultSql()}\`\`\``)
  })

  it('can be repeated', async () => {
    const all = [tokenVaultSql(), tokenVaultSql(customersVault)]
    await newDatabase(tenantsSql, ...all, ...all)
  })

  it('takes names as they are', async () => {
    const table = createTokenVaultTable({ name: 'The "vault"; drop', schema: 'Customer "area"' })
    const url = await newDatabase('create schema "Customer ""area"""', tokenVaultSql(table))
    const rows = await query(url, `select table_name from information_schema.tables where table_schema ~ 'area'`)
    expect(rows).toEqual([{ table_name: 'The "vault"; drop' }])
  })

  it('leaves generated columns to drizzle-kit', () => {
    const column = text('upper').generatedAlwaysAs('upper(account)')
    const table = createTokenVaultTable({ extraColumns: { column } })
    expect(() => tokenVaultSql(table)).toThrow(expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT' }))
  })
})

describe('createTokenVaultTable', () => {
  it.each([
    ['a tenant that may be null', { tenantId: text('tenant_id') }, /notNull/],
    ['a tenant in a padded column', { tenantId: char('tenant_id', { length: 9 }).notNull() }, /uuid, text/],
    ['a column with a name of ours', { extraColumns: { status: boolean('app_status') } }, /status/],
    ['a name that leaves no room for its indexes’', { name: 'ü'.repeat(25) }, /48 bytes/],
    ['no name', { name: '' }, /48 bytes/],
    ['a second tenant', { extraColumns: { tenantId: integer('tenant') } }, /tenantId/],
  ])('refuses %s', (_, options, message) => {
    expect(() => createTokenVaultTable(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  it('gives a table whose rows the app can select, its own columns and tenant type included', () => {
    const table = createTokenVaultTable({
      tenantId: integer('tenant').notNull(),
      extraColumns: { pinned: boolean('pinned').notNull().default(false) },
    })
    const row = {} as typeof table.$inferSelect
    const plain = {} as typeof tokenVault.$inferSelect
    const types: { tenant: number; pinned: boolean; plainTenant: string } = {
      tenant: row.tenantId,
      pinned: row.pinned,
      plainTenant: plain.tenantId,
    }
    expect(Object.keys(types)).toHaveLength(3)
    expect(Object.keys(table)).toEqual(expect.arrayContaining(['pinned', 'tenantId', 'encryptedValue']))
  })
})
