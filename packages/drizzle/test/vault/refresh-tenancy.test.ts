/** Refreshes under row-level security, over a pool of one connection: each statement as its tenant, sweeps as the system. */
import { getTableName, sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { createTokenVault } from '../../src/vault/index.ts'
import { codeOf, google, times } from './support/refreshing.ts'
import { drivers, newGuardedVault } from './support/roles.ts'
import { StrictProvider } from './support/strict-provider.ts'
import { envelope } from './support/vaults.ts'

describe.each(drivers)('$driver', ({ open }) => {
  async function start() {
    const { db, systemDb, table } = await newGuardedVault(open)
    const provider = new StrictProvider()
    const options = { db, table, envelope, providers: { google: provider.profile() } }
    const vault = createTokenVault({ ...options, systemDb })
    const bound = createTokenVault(options)
    for (const tenantId of ['t1', 't2']) {
      const access_token = { value: 'at', expiresAt: new Date(Date.now() - 1000) }
      const tokens = { access_token, refresh_token: { value: provider.connect() } }
      await vault.putGrant({ ...google, tenantId, tokens })
    }
    return { vault, bound, provider, systemDb, table }
  }

  it('a refresh is of its tenant alone, and made once', async () => {
    const { vault, bound, provider, systemDb, table } = await start()
    const all = await times(20, (index) => [vault, bound][index % 2]!.getFreshAccessToken(google))
    expect(new Set(all.map(({ version }) => version))).toEqual(new Set([2]))
    expect(provider.calls).toBe(1)
    const target = sql.identifier(getTableName(table))
    await systemDb.execute(sql`update ${target} set last_refreshed_at = null`)
    expect(await vault.reportUnauthorized(google, 2)).toMatchObject({ version: 3 })
    const versions = await vault.listGrants({ tenantId: 't2' })
    expect(versions.grants).toMatchObject([{ version: 1 }])
  })

  it('a sweep is of all tenants, and needs the system’s database', async () => {
    const { vault, bound, provider } = await start()
    expect(await codeOf(bound.refreshSweep())).toBe('ERR_WAXSEAL_ARGUMENT')
    expect(provider.calls).toBe(0)
    expect(await vault.refreshSweep()).toEqual({ refreshed: 2, failed: 0, lost: 0 })
    expect((await vault.listGrants()).grants.map(({ version }) => version)).toEqual([2, 2])
  })
})
