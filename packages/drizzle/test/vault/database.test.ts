/** What a vault takes for a database, and what databases do to it. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { describe, expect, inject, it } from 'vitest'
import { createTokenVault, createTokenVaultTable } from '../../src/vault/index.ts'
import { databases, openNodePostgres, servers } from '../support/databases.ts'
import { envelope, newVault, providers, run } from './support/vaults.ts'

describe.each(databases)('$database', ({ open }) => {
  it('takes no transaction: its rollback would take a token back', async () => {
    const { db, table } = await newVault(await open())
    await db.transaction(async (transaction) => {
      expect(() => createTokenVault({ db: transaction, table, envelope, providers })).toThrow(
        expect.objectContaining({ name: 'WaxsealTypeError', code: 'ERR_WAXSEAL_ARGUMENT' }),
      )
    })
  })

  it('a tenant that is not there is named as such; one that goes takes its grants along', async () => {
    const db = await open()
    const tenants = pgTable(`tenants_${randomUUID()}`, { id: uuid('id').primaryKey() })
    await db.execute(sql`create table ${tenants} (id uuid primary key)`)
    const tenantId = uuid('tenant_id')
      .notNull()
      .references(() => tenants.id, { onDelete: 'cascade' })
    const { vault } = await newVault(db, { tenantId, extraColumns: { note: text('note').default('-') } })
    const id = randomUUID()
    const unknown = vault.storeToken(id, 'google', 'api_key', { value: 'key' })
    await expect(unknown).rejects.toMatchObject({ code: 'ERR_WAXSEAL_GRANT_TENANT_UNKNOWN', retryable: false })
    await db.insert(tenants).values({ id })
    await vault.storeToken(id, 'google', 'api_key', { value: 'key' })
    expect(await vault.getToken(id, 'google', 'api_key')).toMatchObject({ value: 'key' })
    await db.delete(tenants)
    expect(await vault.countGrants()).toMatchObject({ ACTIVE: 0 })
  })

  it('a missing table is named, with what creates it', async () => {
    const table = createTokenVaultTable({ name: 'not there' })
    const vault = createTokenVault({ db: await open(), table, envelope, providers })
    await expect(vault.getToken('t1', 'google', 'api_key')).rejects.toMatchObject({
      code: 'ERR_WAXSEAL_TABLE_INVALID',
      message: expect.stringMatching(/"not there".*createTokenVaultTable\(\).*tokenVaultSql\(\)/),
    })
  })
})

describe.each(servers)('$database', ({ open }) => {
  it('works beside the app’s own columns and rows', async () => {
    const db = await open()
    await run(db, 'create schema if not exists vault_apart')
    const { vault } = await newVault(db, { schema: 'vault_apart', extraColumns: { note: text('note') } })
    const id = await vault.storeToken('t1', 'google', 'access_token', { value: 'at' })
    await vault.markTokenInvalid(id, 'invalid_token')
    expect(await vault.listGrants({ status: 'REAUTH_REQUIRED' })).toMatchObject({ grants: [{ tenantId: 't1' }] })
    expect(await vault.revokeGrant({ tenantId: 't1', provider: 'google' })).toMatchObject({ status: 'REVOKED' })
    expect(await vault.deleteGrant({ tenantId: 't1', provider: 'google' })).toBe(true)
  })
})

describe.each(['repeatable read', 'serializable'])('connections that default to %s', (level) => {
  it('lose no write that races', async () => {
    const { db, close } = openNodePostgres(inject('postgres'), { default_transaction_isolation: level })
    const { vault } = await newVault(db)
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        vault.storeToken('t1', 'google', 'access_token', { value: `at-${round}`, identifier: `${round % 10}` }),
        vault.storeToken('t1', 'google', 'refresh_token', { value: `rt-${round}`, identifier: `${round % 10}` }),
      ])
      const grant = await vault.getGrant({ tenantId: 't1', provider: 'google', account: `${round % 10}` })
      expect(grant!.tokens.access_token!.value).toBe(`at-${round}`)
      expect(grant!.tokens.refresh_token!.value).toBe(`rt-${round}`)
    }
    await close()
  })
})

it('transactions that always come first end a call after all, and say that it can be repeated', async () => {
  const { db, close } = openNodePostgres(inject('postgres'))
  const { vault, table } = await newVault(db)
  const body = sql.raw("'begin raise exception using errcode = ''40001''; end'")
  await db.execute(sql`create or replace function waxseal_late() returns trigger language plpgsql as ${body}`)
  const trigger = sql`create trigger late before insert on ${table} for each row execute function`
  await db.execute(sql`${trigger} waxseal_late()`)
  const store = vault.storeToken('t1', 'google', 'access_token', { value: 'at' })
  await expect(store).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_UNAVAILABLE', retryable: true })
  await close()
})

it('other writes that keep coming first end a call after all, and say that it can be repeated', async () => {
  const { db, close } = openNodePostgres(inject('postgres'))
  const { vault, table } = await newVault(db)
  await vault.storeToken('t1', 'google', 'access_token', { value: 'at' })
  // Whoever reads the row finds it changed by the time of the write.
  const trigger = sql`create trigger never before update on ${table} for each row execute function`
  const body = sql.raw("'begin return null; end'")
  await db.execute(sql`create or replace function waxseal_never() returns trigger language plpgsql as ${body}`)
  await db.execute(sql`${trigger} waxseal_never()`)
  const store = vault.storeToken('t1', 'google', 'access_token', { value: 'at-2' })
  await expect(store).rejects.toMatchObject({ code: 'ERR_WAXSEAL_GRANT_CONFLICT', retryable: true })
  await close()
})

it.each([
  ['no database', { db: {} }],
  ['replicas', { db: { $replicas: [] } }],
  ['no envelope', { envelope: undefined }],
  ['no providers', { providers: undefined }],
  ['a hook that is none', { onPersistFailure: 'save' }],
  ['a provider with a long name', { providers: { ['x'.repeat(65)]: {} } }],
])('refuses %s', async (_, change) => {
  const { db, close } = openNodePostgres(inject('postgres'))
  expect(() => createTokenVault({ db, envelope, providers, ...change } as never)).toThrow(
    expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT' }),
  )
  await close()
})
