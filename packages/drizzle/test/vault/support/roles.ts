import { randomUUID } from 'node:crypto'
import { getTableName, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/pglite'
import { inject, onTestFinished } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { startPglite } from '@waxseal/engines'
import type { PostgresDatabase } from '../../../src/database.ts'
import {
  createTokenVault,
  createTokenVaultTable,
  migrateTokenVault,
  type TokenVaultOptions,
} from '../../../src/vault/index.ts'
import { openNodePostgres, openPostgresJs } from '../../support/databases.ts'
import { envelope, providers, run } from './vaults.ts'

type TableOptions = Parameters<typeof createTokenVaultTable>[0]

/** The drivers with pools, one connection each unless it says otherwise. */
export const drivers = [
  {
    driver: 'node-postgres',
    open: (url: string, settings: Record<string, string> = {}, max = 1) => openNodePostgres(url, settings, { max }),
  },
  {
    driver: 'postgres.js',
    open: (url: string, connection: Record<string, string> = {}, max = 1) => openPostgresJs(url, { connection, max }),
  },
] as const

/** An address of the test server for a role. */
export function addressOf(role: string): string {
  const url = new URL(inject('postgres'))
  url.username = role
  return url.href
}

/** The roles of a team: one that migrates and owns the table, one of the app, one of its sweeps. */
export interface Roles {
  readonly owner: string
  readonly app: string
  readonly system: string
}

/** Creates roles, and a table with row-level security that the first of them owns and the others may use. */
export async function newGuardedTable(admin: PostgresDatabase, options: TableOptions = {}) {
  const name = `guarded_${randomUUID().replaceAll('-', '')}`
  const roles: Roles = { owner: `${name}_owner`, app: `${name}_app`, system: `${name}_system` }
  for (const role of Object.values(roles)) await run(admin, `create role ${role} login`)
  await run(admin, `grant create, usage on schema public to ${roles.owner}`)
  const table = createTokenVaultTable({ name, rls: { systemRole: roles.system }, ...options })
  return { roles, table }
}

/** Lets the roles use the table. */
export async function grant(owner: PostgresDatabase, { app, system }: Roles, name: string): Promise<void> {
  await run(owner, `grant select, insert, update, delete on ${name} to ${app}, ${system}`)
}

/** A vault whose app and system are roles of their own, by a driver, and a database for each role. */
export async function newGuardedVault(
  open: (typeof drivers)[number]['open'],
  options: TableOptions = {},
  vaultOptions: Partial<TokenVaultOptions<typeof providers>> = {},
) {
  const use = (url: string) => {
    const { db, close } = open(url)
    onTestFinished(close)
    return db
  }
  const admin = use(inject('postgres'))
  const { roles, table } = await newGuardedTable(admin, options)
  const owner = use(addressOf(roles.owner))
  await migrateTokenVault(owner, table)
  await grant(owner, roles, getTableName(table))
  const addresses = { app: addressOf(roles.app), system: addressOf(roles.system) }
  const db = use(addresses.app)
  const systemDb = use(addresses.system)
  const vault = createTokenVault({ db, systemDb, table, envelope, providers, ...vaultOptions })
  return { vault, table, roles, addresses, db, systemDb, owner, admin, open: use }
}

/** The same on PGlite, which has one connection and so one role at a time. */
export async function newGuardedPglite() {
  const { client, stop } = await startPglite(inject('pgliteImage'))
  onTestFinished(stop)
  const db: PostgresDatabase = drizzle({ client })
  const { roles, table } = await newGuardedTable(db)
  await migrateTokenVault(db, table)
  await grant(db, roles, getTableName(table))
  await db.execute(sql.raw(`set role ${roles.app}`))
  return { vault: createTokenVault({ db, table, envelope, providers }), table, db, roles }
}
