/** Row-level security, with the roles that a team has: nobody here is a superuser but whoever creates the roles. */
import { randomUUID } from 'node:crypto'
import { eq, getTableName, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, uuid } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { createTokenVault, createTokenVaultTable, withTenant } from '../../src/vault/index.ts'
import { addressOf, drivers, newGuardedPglite, newGuardedVault } from './support/roles.ts'
import { envelope, providers } from './support/vaults.ts'

const google = (tenantId: string) => ({ tenantId, provider: 'google' as const })
const token = { access_token: { value: 'at' }, refresh_token: { value: 'rt' } }
const config = expect.objectContaining({
  code: 'ERR_WAXSEAL_CONFIG',
  message: expect.stringMatching(/row-level|systemDb/i),
})
const misuse = expect.objectContaining({ name: 'WaxsealTypeError', code: 'ERR_WAXSEAL_ARGUMENT' })

describe.each(drivers)('$driver', ({ open }) => {
  async function start(options: Parameters<typeof newGuardedVault>[1] = {}) {
    const parts = await newGuardedVault(open, options)
    for (const tenantId of ['1', '2']) await parts.vault.putGrant({ ...google(tenantId), tokens: token })
    const tenants = async () =>
      (await parts.systemDb.select().from(parts.table)).map(({ tenantId }) => tenantId as string)
    return { ...parts, tenants }
  }

  it('every call about a tenant works on its rows alone, over a pool of one connection', async () => {
    const { vault, tenants } = await start()
    const id = await vault.storeToken('1', 'whatsapp', 'api_key', { value: 'key' })
    expect(await vault.getToken('1', 'whatsapp', 'api_key')).toMatchObject({ id, value: 'key' })
    expect(await vault.getToken('2', 'whatsapp', 'api_key')).toBe(null)
    expect(await vault.getAccessToken('1', 'google')).toEqual({ token: 'at', needsRefresh: false })
    expect(await vault.getRefreshToken('1', 'google')).toBe('rt')
    expect((await vault.listGrants({ tenantId: '1' })).grants.map((grant) => grant.tenantId)).toEqual(['1', '1'])
    expect(await vault.countGrants({ tenantId: '2' })).toMatchObject({ ACTIVE: 1 })
    expect(await vault.setGrantMetadata(google('1'), { calendar: 'x' })).toMatchObject({ metadata: { calendar: 'x' } })
    expect(await vault.getGrant(google('2'))).toMatchObject({ metadata: {}, tokens: { access_token: { value: 'at' } } })
    expect(await vault.revokeGrant(google('1'))).toMatchObject({ status: 'REVOKED' })
    await vault.deleteProviderTokens('1', 'whatsapp')
    expect(await vault.deleteGrant(google('1'))).toBe(true)
    expect(await vault.deleteGrant(google('1'))).toBe(false)
    expect(await tenants()).toEqual(['2'])
  })

  it('every call about all tenants works as the system’s role', async () => {
    const { vault } = await start()
    const expiresAt = new Date(Date.now() + 60_000)
    await vault.storeToken('1', 'google', 'access_token', { value: 'at-2', expiresAt })
    expect((await vault.listGrants()).grants.map(({ tenantId }) => tenantId).sort()).toEqual(['1', '2'])
    expect(await vault.countGrants()).toMatchObject({ ACTIVE: 2 })
    expect(await vault.findExpiringTokens(5)).toMatchObject([{ tenantId: '1', expiresAt }])
    expect(await vault.rotate()).toMatchObject({ rows: 2, resealed: 0 })
    await vault.getGrant(google('2'))
    await vault.dispose()
    expect((await vault.listGrants({ tenantId: '2' })).grants[0]!.lastUsedAt).toBeInstanceOf(Date)
  })

  it('without systemDb a call about all tenants says so, and uses are written tenant by tenant', async () => {
    const { db, table, tenants } = await start()
    const vault = createTokenVault({ db, table, envelope, providers })
    await expect(vault.listGrants()).rejects.toThrow(misuse)
    await expect(vault.listGrants()).rejects.toThrow(/systemDb/)
    await expect(vault.countGrants({ provider: 'google' })).rejects.toThrow(misuse)
    await expect(vault.findExpiringTokens(5)).rejects.toThrow(misuse)
    await expect(vault.rotate()).rejects.toThrow(misuse)
    await expect(vault.refreshSweep()).rejects.toThrow(misuse)
    for (const tenantId of await tenants()) await vault.getGrant(google(tenantId))
    await vault.dispose()
    for (const tenantId of ['1', '2']) {
      expect((await vault.listGrants({ tenantId })).grants[0]!.lastUsedAt).toBeInstanceOf(Date)
    }
  })

  it('a call by id needs the tenant, and does nothing to a token of another', async () => {
    const { vault } = await start()
    const id = (await vault.getToken('1', 'google', 'access_token'))!.id
    await expect(vault.markTokenInvalid(id, 'invalid_token')).rejects.toThrow(misuse)
    await expect(vault.deleteToken(id)).rejects.toThrow(misuse)
    await vault.markTokenInvalid(id, 'invalid_token', { tenantId: '2' })
    await vault.deleteToken(id, { tenantId: '2' })
    expect(await vault.getToken('1', 'google', 'access_token')).toMatchObject({ isValid: 'true' })
    await vault.markTokenInvalid(id, 'invalid_token', { tenantId: '1' })
    expect(await vault.getToken('1', 'google', 'access_token')).toMatchObject({ isValid: 'false' })
    await vault.deleteToken(id, { tenantId: '1' })
    expect(await vault.getToken('1', 'google', 'access_token')).toBe(null)
  })

  it('no SQL of a tenant’s reads, changes, takes over or removes a row of another’s', async () => {
    const { db, table, tenants, systemDb } = await start()
    const before = await systemDb.select().from(table).where(eq(table.tenantId, '2'))
    await withTenant(db, '1', async (tx) => {
      expect(await tx.select().from(table).where(sql`true or ${table.tenantId} = '2'`)).toMatchObject([
        { tenantId: '1' },
      ])
      expect(await tx.select().from(table).where(eq(table.tenantId, '2'))).toEqual([])
      expect(await tx.$count(table)).toBe(1)
      expect(await tx.update(table).set({ status: 'REVOKED' }).returning()).toMatchObject([{ tenantId: '1' }])
      expect(await tx.delete(table).where(eq(table.id, before[0]!.id)).returning()).toEqual([])
    })
    const refused = [
      sql`update ${table} set tenant_id = '2', account = 'other'`,
      sql`insert into ${table} select (jsonb_populate_record(null::${table}, to_jsonb(mine) || '{"tenant_id": "2", "account": "other"}')).* from ${table} as mine`,
      sql`truncate ${table}`,
      sql`alter table ${table} disable row level security`,
      sql`set local row_security = off; select * from ${table}`,
    ]
    for (const statement of refused) {
      await expect(withTenant(db, '1', (tx) => tx.execute(statement))).rejects.toThrow()
    }
    expect(await systemDb.select().from(table).where(eq(table.tenantId, '2'))).toEqual(before)
    expect((await tenants()).sort()).toEqual(['1', '2'])
  })

  it('without a tenant there is nothing, on a connection that had one too; an error inside takes it away as well', async () => {
    const { db, table, vault, roles } = await start()
    const nothing = async () => {
      expect(await db.select().from(table)).toEqual([])
      expect(await db.delete(table).returning()).toEqual([])
    }
    const fresh = open(addressOf(roles.app))
    expect(await fresh.db.select().from(table)).toEqual([])
    await fresh.close()
    await nothing()
    expect(await withTenant(db, '1', (tx) => tx.select().from(table))).toHaveLength(1)
    await nothing()
    await expect(withTenant(db, '1', () => Promise.reject(new Error('the app’s')))).rejects.toThrow('the app’s')
    await nothing()
    await expect(withTenant(db, '1', (tx) => tx.execute(sql`select 1 / 0`))).rejects.toThrow()
    await nothing()
    await expect(vault.getToken('1', 'google', 'access_token', 'x'.repeat(256))).rejects.toThrow(misuse)
    await nothing()
    await withTenant(db, '1', (tx) => tx.execute(sql`select set_config('waxseal.tenant_id', '2', true)`))
    await nothing()
  })

  it('tenants that share a connection at the same time do not meet', async () => {
    const { vault, db, table } = await start()
    const calls = Array.from({ length: 40 }, async (_, index) => {
      const tenantId = `${1 + (index % 2)}`
      if (index % 4 < 2) return (await vault.getGrant(google(tenantId)))!.tenantId === tenantId
      const rows = await withTenant(db, tenantId, (tx) => tx.select().from(table))
      return rows.length === 1 && rows[0]!.tenantId === tenantId
    })
    expect(new Set(await Promise.all(calls))).toEqual(new Set([true]))
  })

  it.each(['repeatable read', 'serializable'])(
    'connections that default to %s lose no write that races',
    async (level) => {
      const { roles, table } = await start()
      const { db, close } = open(addressOf(roles.app), { default_transaction_isolation: level }, 4)
      const vault = createTokenVault({ db, table, envelope, providers })
      for (let round = 0; round < 10; round++) {
        await Promise.all([
          vault.storeToken('1', 'google', 'access_token', { value: `at-${round}`, identifier: `${round % 5}` }),
          vault.storeToken('1', 'google', 'refresh_token', { value: `rt-${round}`, identifier: `${round % 5}` }),
        ])
        const grant = await vault.getGrant({ ...google('1'), account: `${round % 5}` })
        expect(grant!.tokens).toMatchObject({
          access_token: { value: `at-${round}` },
          refresh_token: { value: `rt-${round}` },
        })
      }
      await close()
    },
  )

  it('its owner is subject to it too: FORCE is on', async () => {
    const { owner, table } = await start()
    expect(await owner.select().from(table)).toEqual([])
    const vault = createTokenVault({ db: owner, table, envelope, providers })
    expect(await vault.getAccessToken('1', 'google')).toMatchObject({ token: 'at' })
    await owner.execute(sql`alter table ${table} no force row level security`)
    await expect(vault.getAccessToken('1', 'google')).rejects.toThrow(config)
  })

  it('a role for which it does not hold is told, before any row is read', async () => {
    const { admin, table, roles, open: use } = await start()
    await expect(
      createTokenVault({ db: admin, table, envelope, providers }).getAccessToken('1', 'google'),
    ).rejects.toThrow(config)
    await admin.execute(sql.raw(`alter role ${roles.system} bypassrls`))
    const bypassing = use(addressOf(roles.system))
    await expect(
      createTokenVault({ db: bypassing, table, envelope, providers }).getAccessToken('1', 'google'),
    ).rejects.toThrow(config)
  })

  it('a role that does not see all rows is told, before it takes none for an answer', async () => {
    const { db, table, owner } = await start()
    const guarded = createTokenVault({ db, systemDb: owner, table, envelope, providers })
    await expect(guarded.listGrants()).rejects.toThrow(config)
    await expect(guarded.countGrants()).rejects.toThrow(config)
    const plain = createTokenVaultTable({ name: getTableName(table) })
    const unaware = createTokenVault({ db, table: plain, envelope, providers })
    await expect(unaware.getAccessToken('1', 'google')).rejects.toThrow(config)
  })

  it('a restrictive policy of the app’s that hides rows from the system’s role is told by its name', async () => {
    const { db, systemDb, table, owner, roles } = await start()
    const fresh = () => createTokenVault({ db, systemDb, table, envelope, providers })
    const policy = (rest: string) =>
      owner.execute(sql`create policy region on ${table} as restrictive ${sql.raw(rest)}`)
    const drop = () => owner.execute(sql`drop policy region on ${table}`)
    for (const command of ['all', 'select', 'update', 'delete']) {
      await policy(`for ${command} to public using (tenant_id = '1')`)
      await expect(fresh().rotate()).rejects.toThrow(config)
      await expect(fresh().listGrants()).rejects.toThrow(/restrictive.*region on/)
      await drop()
    }
    for (const harmless of [`for all to public using (true)`, `for select to ${roles.owner} using (false)`]) {
      await policy(harmless)
      expect(await fresh().rotate()).toMatchObject({ rows: 2 })
      await drop()
    }
  })

  it('a restrictive policy that shows all shows nothing where no permissive one does', async () => {
    const { db, systemDb, table, owner } = await start()
    const system = sql.identifier(`${getTableName(table)}_system`)
    await owner.execute(sql`drop policy ${system} on ${table}`)
    await owner.execute(sql`create policy guard on ${table} as restrictive for all to public using (true)`)
    const vault = createTokenVault({ db, systemDb, table, envelope, providers })
    await expect(vault.rotate()).rejects.toThrow(config)
    await expect(vault.listGrants()).rejects.toThrow(/does not see all rows/)
  })

  it.each([
    ['a uuid', uuid('tenant_id').notNull(), randomUUID(), randomUUID()],
    ['an integer', integer('tenant_id').notNull(), '7', '8'],
  ])('tenants may be named by %s', async (_, tenantId, mine, yours) => {
    const { vault, db, table } = await newGuardedVault(open, { tenantId })
    for (const tenant of [mine, yours]) await vault.putGrant({ ...google(tenant), tokens: token })
    expect(await vault.getAccessToken(mine, 'google')).toMatchObject({ token: 'at' })
    expect(await withTenant(db, mine, (tx) => tx.select().from(table))).toHaveLength(1)
    expect(await vault.countGrants()).toMatchObject({ ACTIVE: 2 })
  })

  it('withTenant takes no transaction and no empty tenant, and no call of a vault is made inside', async () => {
    const { vault, db, table } = await start()
    await expect(withTenant(db, '', async () => 1)).rejects.toThrow(misuse)
    await expect(db.transaction((tx) => withTenant(tx, '1', async () => 1))).rejects.toThrow(misuse)
    const inside = withTenant(db, '1', async (tx) => {
      expect(() => createTokenVault({ db: tx, table, envelope, providers })).toThrow(misuse)
      return vault.getAccessToken('1', 'google')
    })
    await expect(inside).rejects.toThrow(/inside withTenant/)
    const later = await withTenant(db, '1', async () => () => vault.getAccessToken('1', 'google'))
    expect(await later()).toMatchObject({ token: 'at' })
  })
})

it('a connection that is given up on in the middle of a tenant’s transaction goes back to nobody', async () => {
  const { vault, table, roles } = await newGuardedVault(drivers[0].open)
  await vault.putGrant({ ...google('1'), tokens: token })
  const pool = new pg.Pool({ connectionString: addressOf(roles.app), max: 1, query_timeout: 300 })
  onTestFinished(() => pool.end())
  const db = drizzle({ client: pool })
  const slow = withTenant(db, '1', (tx) => tx.execute(sql`select pg_sleep(0.75)`))
  const next = slow.catch(() => db.select().from(table))
  await expect(slow).rejects.toThrow()
  expect(await next).toEqual([])
  expect(await withTenant(db, '1', (tx) => tx.select().from(table))).toHaveLength(1)
})

it('one connection in place of a pool is refused: statements of several transactions would mix', async () => {
  const client = new pg.Client({ connectionString: inject('postgres') })
  const db = drizzle({ client })
  const { table } = await newGuardedVault(drivers[0].open)
  expect(() => createTokenVault({ db, table, envelope, providers })).toThrow(misuse)
  await expect(withTenant(db, '1', async () => 1)).rejects.toThrow(misuse)
})

describe('pglite', () => {
  it('works on the rows of one tenant, and makes no transaction inside another', async () => {
    const { vault, table, db } = await newGuardedPglite()
    for (const tenantId of ['1', '2']) await vault.putGrant({ ...google(tenantId), tokens: token })
    expect(await Promise.all([vault.getGrant(google('1')), vault.getGrant(google('2'))])).toMatchObject([
      { tenantId: '1' },
      { tenantId: '2' },
    ])
    expect(await withTenant(db, '1', (tx) => tx.select().from(table))).toMatchObject([{ tenantId: '1' }])
    await expect(withTenant(db, '1', () => vault.getGrant(google('1')))).rejects.toThrow(misuse)
    await expect(vault.countGrants()).rejects.toThrow(misuse)
    expect(await db.select().from(table)).toEqual([])
    await vault.dispose()
    expect((await vault.listGrants({ tenantId: '2' })).grants[0]!.lastUsedAt).toBeInstanceOf(Date)
    await db.execute(sql`reset role`)
    await expect(vault.getGrant(google('1'))).rejects.toThrow(config)
  })
})
