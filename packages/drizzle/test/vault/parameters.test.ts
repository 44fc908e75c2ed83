/** No value that somebody gives becomes part of a statement's text. */
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import {
  createTokenVault,
  createTokenVaultOutbox,
  ProviderError,
  type TokenVault,
  type TokenVaultOutbox,
  type TokenVaultTable,
  tokenVaultSql,
} from '../../src/vault/index.ts'
import { addressOf, drivers, newGuardedVault } from './support/roles.ts'
import { envelope, newVault, run } from './support/vaults.ts'

const home = join(import.meta.dirname, '../../src')

/** What goes into a statement as text. None of it is a value: it comes from the code or from the table's definition. */
const texts = [
  'vault/migrate.ts: sql.raw(statement))',
  'vault/migrate.ts: sql.raw(statement))',
  "vault/refresh/refresh-statements.ts: sql.raw('provider text, buffer float8, lease float8, rotates boolean, grace float8')",
  'vault/schema.ts: sql.raw(`::#{type}`)',
  "vault/schema.ts: sql.raw(askable.map((name) => `'#{name}'`).join(', '))})`",
  'vault/statements.ts: sql.raw(`wanted("tenantId" #{table.tenantId.getSQLType()}, provider text, account text, kind text)`)',
]

it('every text that becomes SQL as it is, is one of these', () => {
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const found = files.flatMap((file) => {
    const path = join(file.parentPath, file.name)
    const uses = readFileSync(path, 'utf8').matchAll(
      /(\bsql\.raw\(.*\)|\.unsafe\(|\bnew (SQL|StringChunk)\b|\bsql as\b).*/g,
    )
    return [...uses].map(([use]) => `${relative(home, path)}: ${use.replaceAll('$', '#')}`)
  })
  expect(found.sort()).toEqual(texts)
})

const secret = 'Ünlikely'
const name = `${secret}' or true; --` as const
const at = () => new Date(Date.now() + 60_000)
const profile = {
  refresh: () => Promise.reject(new ProviderError(name, { status: 400 })),
  revoke: () => Promise.resolve(),
}
const providers = { [name]: profile }

/** Every call of a vault, with something unlikely wherever a text goes. */
function callsOf(vault: TokenVault<typeof providers>, tenantId: string) {
  const grant = { tenantId, provider: name, account: name } as const
  const value = { value: name, expiresAt: at(), identifier: name }
  const whole = {
    ...grant,
    tokens: { access_token: value, refresh_token: value },
    scopes: [name],
    metadata: { [name]: name },
  }
  const id = async () => (await vault.getToken(tenantId, name, 'access_token', name))!.id
  const calls: { [Call in Extract<keyof typeof vault, string>]: () => Promise<unknown> } = {
    putGrant: () => vault.putGrant(whole),
    storeToken: () => vault.storeToken(tenantId, name, 'access_token', value),
    getToken: () => vault.getToken(tenantId, name, 'access_token', name),
    getAccessToken: () => vault.getAccessToken(tenantId, name, name),
    getRefreshToken: () => vault.getRefreshToken(tenantId, name, name),
    findExpiringTokens: () => vault.findExpiringTokens(5, name),
    getGrant: () => vault.getGrant(grant),
    listGrants: () => vault.listGrants({ ...grant, status: 'ACTIVE', expiringBefore: at() }),
    countGrants: () => vault.countGrants(grant),
    setGrantMetadata: () => vault.setGrantMetadata(grant, { [name]: name }),
    getFreshAccessToken: () => vault.getFreshAccessToken(grant),
    refreshSweep: () => vault.refreshSweep(),
    reportUnauthorized: () => vault.reportUnauthorized(grant, 1),
    refreshGrant: () => vault.refreshGrant(grant),
    recoverGrant: () => vault.recoverGrant({ ...grant, kind: 'oauth' } as never),
    rotate: () => vault.rotate(),
    markTokenInvalid: async () => vault.markTokenInvalid(await id(), name, { tenantId }),
    revokeGrant: () => vault.revokeGrant(grant),
    deleteGrant: () => vault.deleteGrant(grant),
    deleteToken: async () => {
      await vault.putGrant(whole)
      await vault.deleteToken(await id(), { tenantId })
    },
    deleteProviderTokens: () => vault.deleteProviderTokens(tenantId, name),
    pruneOutbox: () => vault.pruneOutbox({ olderThanSeconds: 60 }),
    dispose: () => vault.dispose(),
  }
  return Object.values(calls)
}

describe.each(['no row-level security', 'row-level security'])('with %s', (security) => {
  it('every call sends what it was given as parameters', async () => {
    const statements: { query: string; parameters: string }[] = []
    const logger = {
      logQuery: (query: string, values: unknown[]) => statements.push({ query, parameters: JSON.stringify(values) }),
    }
    const logged = (connectionString: string) => {
      const pool = new pg.Pool({ connectionString })
      onTestFinished(() => pool.end())
      return drizzle({ client: pool, logger })
    }
    let databases: {
      db: ReturnType<typeof logged>
      systemDb?: ReturnType<typeof logged>
      table: TokenVaultTable
      outbox?: TokenVaultOutbox
    }
    if (security === 'row-level security') {
      const { roles, table } = await newGuardedVault(drivers[0].open)
      databases = { db: logged(addressOf(roles.app)), systemDb: logged(addressOf(roles.system)), table }
    } else {
      const db = logged(inject('postgres'))
      const { table } = await newVault(db)
      const outbox = createTokenVaultOutbox({ name: `outbox_${randomUUID()}` })
      await run(db, tokenVaultSql(outbox))
      databases = { db, table, outbox }
    }
    const vault = createTokenVault({ ...databases, envelope, providers })
    for (const call of callsOf(vault, name)) await call().catch((error) => expect(error.code).toMatch(/^ERR_WAXSEAL_/))

    expect(statements.filter(({ query }) => query.includes(secret))).toEqual([])
    expect(statements.filter(({ parameters }) => parameters.includes(secret)).length).toBeGreaterThan(20)
  })
})
