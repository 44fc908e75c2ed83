/** Concurrent reads of tokens: which statements they become, and who gets which grant. */
import { randomUUID } from 'node:crypto'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, uuid } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { createTokenVault, withTenant } from '../../src/vault/index.ts'
import { databases } from '../support/databases.ts'
import { envelope, newVault, providers } from './support/vaults.ts'

describe.each(databases)('concurrent reads by $database', ({ open }) => {
  it('give each caller his own grant, and null where there is none, whatever the names', async () => {
    const { vault } = await newVault(await open())
    const tenants = [
      ...Array.from({ length: 40 }, (_, i) => `tenant-${i}`),
      '"',
      "',{}",
      'a,b',
      '["a"]',
      'ö\u{1f512}\n',
    ]
    for (const tenant of tenants) await vault.storeToken(tenant, 'google', 'access_token', { value: `of ${tenant}` })
    await vault.storeToken('a,b', 'google', 'access_token', { value: 'another account', identifier: 'ada' })
    const asked = ['none', ...tenants, 'tenant-3']
    const tokens = await Promise.all(asked.map((tenant) => vault.getAccessToken(tenant, 'google')))
    const expected = asked.map((tenant) => (tenant === 'none' ? undefined : `of ${tenant}`))
    expect(tokens.map((found) => found?.token)).toEqual(expected)
  })

  it('of tenants that are uuids', async () => {
    const { vault } = await newVault(await open(), { tenantId: uuid('tenant_id').notNull() })
    const tenants = Array.from({ length: 3 }, () => randomUUID())
    for (const tenant of tenants) await vault.storeToken(tenant, 'google', 'access_token', { value: tenant })
    const tokens = await Promise.all(tenants.map((tenant) => vault.getAccessToken(tenant.toUpperCase(), 'google')))
    expect(tokens.map((found) => found?.token)).toEqual(tenants)
  })

  it('fail alone where a tenant is none that the column can hold', async () => {
    const { vault } = await newVault(await open(), { tenantId: integer('tenant').notNull() })
    await vault.storeToken('42', 'google', 'access_token', { value: 'at' })
    const outcomes = await Promise.allSettled(['42', '99999999999'].map((id) => vault.getAccessToken(id, 'google')))
    expect(outcomes).toMatchObject([
      { value: { token: 'at' } },
      { status: 'rejected', reason: { code: 'ERR_WAXSEAL_ARGUMENT' } },
    ])
  })
})

describe('concurrent reads', () => {
  const open = () => {
    const pool = new pg.Pool({ connectionString: inject('postgres') })
    onTestFinished(() => pool.end())
    return pool
  }

  it('are a statement for each 25; a lone one is of one row', async () => {
    const pool = open()
    const { vault } = await newVault(drizzle({ client: pool }))
    const tenants = Array.from({ length: 60 }, (_, i) => `tenant-${i}`)
    for (const tenant of tenants) await vault.storeToken(tenant, 'google', 'access_token', { value: tenant })
    await vault.getAccessToken('tenant-0', 'google')
    const query = vi.spyOn(pool, 'query')
    await Promise.all(tenants.map((tenant) => vault.getAccessToken(tenant, 'google')))
    expect(query).toHaveBeenCalledTimes(3)
    await Promise.all(Array.from({ length: 100 }, () => vault.getAccessToken('tenant-0', 'google')))
    expect(query).toHaveBeenCalledTimes(4)
  })

  it('all fail when the database does, and are not sent again one by one', async () => {
    const pool = open()
    const { vault } = await newVault(drizzle({ client: pool }))
    await vault.getAccessToken('tenant-0', 'google')
    const query = vi.spyOn(pool, 'query').mockImplementation(() => Promise.reject(new Error('down')))
    const reads = Array.from({ length: 20 }, (_, i) => vault.getAccessToken(`tenant-${i}`, 'google'))
    for (const outcome of await Promise.allSettled(reads)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' } })
    }
    expect(query).toHaveBeenCalledTimes(1)
  })

  /** A call inside {@link withTenant} and one of another request, in one turn of the event loop. */
  async function together(first: 'inside' | 'outside') {
    const pool = new pg.Pool({ connectionString: inject('postgres'), max: 1 })
    onTestFinished(() => pool.end())
    const db = drizzle({ client: pool })
    const { vault } = await newVault(db)
    for (const tenant of ['1', '2']) await vault.storeToken(tenant, 'google', 'access_token', { value: tenant })
    await vault.dispose()
    let begin = () => {}
    const turn = new Promise<void>((resolve) => {
      begin = resolve
    })
    const outside = turn.then(() => vault.getAccessToken('2', 'google'))
    const inside = withTenant(db, '1', async () => {
      if (first === 'inside') {
        const call = vault.getAccessToken('1', 'google')
        begin()
        return call
      }
      begin()
      for (let i = 0; i < 5; i++) await Promise.resolve()
      return vault.getAccessToken('1', 'google')
    })
    return Promise.allSettled([inside, outside])
  }

  it.each(['inside', 'outside'] as const)('of which one is inside withTenant fail alone: first %s', async (first) => {
    expect(await together(first)).toMatchObject([
      { reason: { code: 'ERR_WAXSEAL_ARGUMENT', message: expect.stringMatching(/inside withTenant/) } },
      { value: { token: '2' } },
    ])
  })

  it.each([
    [undefined, 0],
    [true, 1],
  ])('with preparedStatements %s the server keeps %i of them', async (preparedStatements, kept) => {
    const pool = new pg.Pool({ connectionString: inject('postgres'), max: 1 })
    onTestFinished(() => pool.end())
    const db = drizzle({ client: pool })
    const { table } = await newVault(db)
    const options = { db, table, envelope, providers, ...(preparedStatements && { preparedStatements }) }
    for (let i = 0; i < 3; i++) await createTokenVault(options).getAccessToken(`tenant-${i}`, 'google')
    const { rows } = await pool.query(
      `select statement from pg_prepared_statements where name like 'waxseal%' and statement like '%encrypted_value%'`,
    )
    expect(rows).toHaveLength(kept)
  })
})
