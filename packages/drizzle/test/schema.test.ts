/** The table by every way there is to create it: drizzle-kit from a re-export, and the plain SQL of code and README. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { pgSessionTable, sessionTableSql } from '../src/session/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'waxseal-drizzle-kit-'))
afterAll(() => rmSync(folder, { recursive: true }))

const run = promisify(execFile)
const home = join(import.meta.dirname, '..')

/** Runs drizzle-kit on the schema of an app that re-exports the table. */
async function drizzleKit(command: string, ...options: string[]): Promise<string> {
  const { stdout } = await run(
    'node_modules/.bin/drizzle-kit',
    [command, '--dialect=postgresql', '--schema=test/support/app-schema.ts', ...options],
    { cwd: home, env: { ...process.env, NODE_OPTIONS: '--conditions=waxseal-source', NO_COLOR: '1' } },
  )
  return stdout
}

/** A database of its own, since the app's table has one fixed name. */
async function newDatabase(sql: string): Promise<string> {
  const address = new URL(inject('postgres'))
  const name = `kit_${randomUUID().replaceAll('-', '')}`
  await query(address.href, `create database ${name}`)
  address.pathname = `/${name}`
  await query(address.href, sql)
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

/** Everything that Postgres knows of the table's columns, constraints and indexes. */
const description = `
  select json_agg(c order by c.ordinal_position) from (
    select column_name, ordinal_position, data_type, is_nullable, column_default, collation_name
    from information_schema.columns where table_name = 'waxseal_sessions'
  ) c
  union all select json_agg(i order by i.indexname) from (
    select indexname, indexdef from pg_indexes where tablename = 'waxseal_sessions'
  ) i
  union all select json_agg(k order by k.conname) from (
    select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'waxseal_sessions'::regclass
  ) k`

describe('drizzle-kit', () => {
  it('makes the migration from a re-export, the same table as the plain SQL, and nothing the second time', async () => {
    const out = `--out=${relative(home, folder)}`
    await drizzleKit('generate', out)
    const migrations = () => readdirSync(folder).filter((name) => name.endsWith('.sql'))
    expect(migrations()).toHaveLength(1)
    expect(await drizzleKit('generate', out)).toContain('No schema changes')
    expect(migrations()).toHaveLength(1)

    const migrated = await newDatabase(readFileSync(join(folder, migrations()[0]!), 'utf8'))
    const written = await newDatabase(sessionTableSql())
    expect(await query(written, description)).toEqual(await query(migrated, description))
  })

  it('finds nothing to change in a database that the plain SQL made', async () => {
    const url = await newDatabase(sessionTableSql())
    expect(await drizzleKit('push', `--url=${url}`)).toContain('No changes detected')
  })
})

describe('the plain SQL', () => {
  it('stands in the README as it is', () => {
    expect(readFileSync(join(home, 'README.md'), 'utf8')).toContain(`\`\`\`sql\n${sessionTableSql()}\`\`\``)
  })

  it('can be repeated', async () => {
    const url = await newDatabase(sessionTableSql())
    await query(url, sessionTableSql())
  })

  it('has all its indexes under the longest name that is taken', async () => {
    const table = pgSessionTable('x'.repeat(48))
    expect(
      sessionTableSql(table)
        .match(/"x{48}_\w+"/g)
        ?.every((name) => name.length - 2 <= 63),
    ).toBe(true)
    expect(() => pgSessionTable('x'.repeat(49))).toThrow(expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT' }))
  })

  it('takes names as they are, and schemas', async () => {
    const url = await newDatabase('create schema "Customer ""area"""')
    await query(url, sessionTableSql(pgSessionTable('The "sessions"; drop', { schema: 'Customer "area"' })))
    const rows = await query(url, `select table_name from information_schema.tables where table_schema ~ 'area'`)
    expect(rows).toEqual([{ table_name: 'The "sessions"; drop' }])
  })
})
