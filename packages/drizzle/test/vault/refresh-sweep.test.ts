/** Refreshing ahead of time: what a sweep takes, how much of it, beside other sweeps and callers. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getTableName, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { describe, expect, inject, it } from 'vitest'
import { createTokenVault, type VaultEvent } from '../../src/vault/index.ts'
import { databases, servers } from '../support/databases.ts'
import { codeOf, google, refreshing } from './support/refreshing.ts'
import { refusal, StrictProvider, type Twist } from './support/strict-provider.ts'
import { envelope, newVault } from './support/vaults.ts'

type Parts = Awaited<ReturnType<typeof refreshing>>

/** Connects so many accounts, whose access tokens run for so many seconds more. */
async function connectMany({ vault, provider }: Parts, count: number, seconds: number) {
  for (let index = 0; index < count; index++) {
    const expiresAt = new Date(Date.now() + seconds * 1000)
    const tokens = { access_token: { value: 'at', expiresAt }, refresh_token: { value: provider.connect() } }
    await vault.putGrant({ ...google, tenantId: `t${index % 3}`, account: `${seconds} ${index}`, tokens })
  }
}

const refreshed = async ({ vault }: Parts) =>
  (await vault.listGrants({ limit: 1000 })).grants.filter(({ version }) => version > 1)

describe.each(databases)('$database', ({ open }) => {
  it('takes what is due, of all tenants, and nothing else', async () => {
    const parts = await refreshing(await open())
    await connectMany(parts, 4, 60)
    await connectMany(parts, 2, 3600)
    await connectMany(parts, 1, -60)
    await parts.vault.storeToken('t1', 'google', 'api_key', { value: 'key', expiresAt: new Date(Date.now() + 1000) })
    expect(await parts.vault.refreshSweep()).toEqual({ refreshed: 5, failed: 0, lost: 0 })
    expect((await refreshed(parts)).map(({ account }) => account)).not.toContain('3600 0')
    expect(await parts.vault.refreshSweep()).toEqual({ refreshed: 0, failed: 0, lost: 0 })
    expect(await parts.vault.refreshSweep({ horizonSeconds: 3700 })).toMatchObject({ refreshed: 2 })
    expect(parts.provider.calls).toBe(7)
  })

  it('takes what is due from a table in a schema of its own', async () => {
    const db = await open()
    await db.execute(sql`create schema if not exists vault_sweep`)
    const { vault, table } = await newVault(db, { schema: 'vault_sweep' })
    const provider = new StrictProvider()
    const sweeping = createTokenVault({ db, table, envelope, providers: { google: provider.profile() } })
    const tokens = {
      access_token: { value: 'at', expiresAt: new Date(Date.now() + 60_000) },
      refresh_token: { value: provider.connect() },
    }
    await vault.putGrant({ ...google, tokens })
    expect(await sweeping.refreshSweep()).toEqual({ refreshed: 1, failed: 0, lost: 0 })
    await vault.dispose()
  })

  it('a limit of 5 claims 5, also where the plan is a nested loop', async () => {
    const db = await open()
    const parts = await refreshing(db)
    await connectMany(parts, 30, 60)
    await db.execute(sql`analyze ${sql.identifier(getTableName(parts.table))}`)
    expect(await parts.vault.refreshSweep({ limit: 5 })).toEqual({ refreshed: 5, failed: 0, lost: 0 })
    expect(parts.provider.calls).toBe(5)
    expect(await refreshed(parts)).toHaveLength(5)
  })

  it('holds no more leases than it has refreshes under way', async () => {
    const parts = await refreshing(await open())
    await connectMany(parts, 9, 60)
    let most = 0
    const count = async () => {
      const rows = await parts.db.select().from(parts.table as never)
      const leases = (rows as unknown as { leaseOwner: string | null }[]).filter((row) => row.leaseOwner !== null)
      most = Math.max(most, leases.length)
    }
    const counted: Twist = async (rightAnswer) => {
      await count()
      return rightAnswer()
    }
    parts.provider.next(...Array.from({ length: 9 }, () => counted))
    expect(await parts.vault.refreshSweep({ concurrency: 3 })).toMatchObject({ refreshed: 9 })
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(3)
  })

  it('a failure is counted and keeps no other from being refreshed; the next sweep leaves it alone', async () => {
    const parts = await refreshing(await open())
    await connectMany(parts, 4, 60)
    parts.provider.next(refusal(503), refusal(400, 'invalid_grant'))
    expect(await parts.vault.refreshSweep()).toEqual({ refreshed: 2, failed: 2, lost: 0 })
    expect(await parts.vault.refreshSweep()).toEqual({ refreshed: 0, failed: 0, lost: 0 })
    expect(await parts.vault.countGrants()).toMatchObject({ ACTIVE: 2, REFRESH_FAILED: 1, REAUTH_REQUIRED: 1 })
  })

  it('grants without a refresh token do not come up with every sweep', async () => {
    const parts = await refreshing(await open())
    const expiresAt = new Date(Date.now() - 1000)
    await parts.vault.putGrant({ ...google, tokens: { access_token: { value: 'at', expiresAt } } })
    expect(await parts.vault.refreshSweep()).toEqual({ refreshed: 0, failed: 0, lost: 1 })
    expect(await parts.vault.refreshSweep()).toEqual({ refreshed: 0, failed: 0, lost: 0 })
    expect(await parts.vault.countGrants()).toMatchObject({ EXPIRED: 1 })
  })

  it('a signal ends it after what is under way', async () => {
    const parts = await refreshing(await open())
    await connectMany(parts, 6, 60)
    const controller = new AbortController()
    parts.provider.next(async (rightAnswer) => {
      controller.abort()
      return rightAnswer()
    })
    const counts = await parts.vault.refreshSweep({ concurrency: 2, signal: controller.signal })
    expect(counts.refreshed).toBe(2)
    expect(await refreshed(parts)).toHaveLength(2)
  })

  it('each refresh is an event with its outcome, and no token in it', async () => {
    const parts = await refreshing(await open())
    await connectMany(parts, 2, 60)
    parts.provider.next(refusal(503))
    const events: VaultEvent[] = []
    const listener = (event: unknown) => void events.push(event as VaultEvent)
    subscribe('waxseal:vault', listener)
    await parts.vault.refreshSweep()
    unsubscribe('waxseal:vault', listener)
    const refreshes = events.filter(({ type }) => type === 'refresh')
    expect(refreshes.map(({ outcome, level }) => `${outcome} ${level}`).sort()).toEqual([
      'failed warn',
      'refreshed debug',
    ])
    expect(refreshes[0]).toMatchObject({ provider: 'google', grant: expect.stringMatching(/^[\w-]{16}$/) })
  })

  it('refuses what cannot be', async () => {
    const { vault } = await refreshing(await open())
    for (const options of [{ limit: -1 }, { concurrency: 0 }, { horizonSeconds: -1 }, { limit: 1.5 }]) {
      expect(await codeOf(vault.refreshSweep(options))).toBe('ERR_WAXSEAL_ARGUMENT')
    }
  })
})

describe.each(servers)('$database', ({ open }) => {
  it('a lease keeps sweeps off too, when the token has expired and nothing could be lost', async () => {
    const { vault, newVault, provider, connect } = await refreshing(await open())
    await connect(-1)
    provider.next(async (rightAnswer) => {
      expect(await newVault().refreshSweep()).toEqual({ refreshed: 0, failed: 0, lost: 0 })
      return rightAnswer()
    })
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2 })
    expect(provider.calls).toBe(1)
  })

  it('sweeps and callers side by side refresh each grant once', async () => {
    const parts = await refreshing(await open())
    await connectMany(parts, 20, 10)
    parts.provider.delay = 20
    const callers = Array.from({ length: 20 }, (_, index) =>
      parts.vault.getFreshAccessToken({ ...google, tenantId: `t${index % 3}`, account: `10 ${index}` }),
    )
    const sweeps = [parts.newVault(), parts.newVault(), parts.vault].map((vault) => vault.refreshSweep())
    for (const fresh of await Promise.all(callers)) expect(fresh.version).toBe(2)
    await Promise.all(sweeps)
    expect(parts.provider.calls).toBe(20)
    expect(await refreshed(parts)).toHaveLength(20)
  })
})

it('grants that nobody can refresh any more are not looked at, however many there are', async () => {
  const pool = new pg.Pool({ connectionString: inject('postgres') })
  const claims: { text: string; values: unknown[] }[] = []
  const logger = {
    logQuery: (text: string, values: unknown[]) => void (text.includes('for update') && claims.push({ text, values })),
  }
  const parts = await refreshing(drizzle({ client: pool, logger }))
  const table = sql.identifier(getTableName(parts.table))
  await connectMany(parts, 1, 60)
  const dead = sql`jsonb_build_object('id', gen_random_uuid(), 'account', n, 'status', 'REAUTH_REQUIRED', 'expires_at', now() - interval '1 year')`
  const copies = sql`select (jsonb_populate_record(grants, ${dead})).* from ${table} as grants, generate_series(1, 5000) as n`
  await parts.db.execute(sql`insert into ${table} ${copies}`)
  await parts.db.execute(sql`analyze ${table}`)
  expect(await parts.vault.refreshSweep()).toMatchObject({ refreshed: 1 })
  const { text, values } = claims[0]!
  const { rows } = await pool.query({ text: `explain (analyze, format json) ${text}`, values })
  expect(rowsRemoved(rows[0]['QUERY PLAN'][0].Plan)).toBeLessThan(100)
  await pool.end()
})

/** How many rows a plan looked at in vain. */
function rowsRemoved(plan: { 'Rows Removed by Filter'?: number; Plans?: (typeof plan)[] }): number {
  return (plan.Plans ?? []).map(rowsRemoved).reduce((sum, rows) => sum + rows, plan['Rows Removed by Filter'] ?? 0)
}
