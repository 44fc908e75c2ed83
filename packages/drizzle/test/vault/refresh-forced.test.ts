/** Refreshes that somebody asks for: an API that answers 401, a button. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { databases, servers } from '../support/databases.ts'
import { codeOf, google, refreshing, times } from './support/refreshing.ts'
import { refusal } from './support/strict-provider.ts'

describe.each(databases)('$database', ({ open }) => {
  it('reportUnauthorized: fifty 401s make one refresh, and all get the new token', async () => {
    const { vault, provider, connect } = await refreshing(await open())
    provider.delay = 50
    const { accessToken } = await connect(3600)
    const { version } = await vault.getFreshAccessToken(google)
    const all = await times(50, () => vault.reportUnauthorized(google, version))
    expect(provider.calls).toBe(1)
    for (const fresh of all) expect(fresh).toMatchObject({ version: 2, isStale: false })
    expect(all[0]!.accessToken).not.toBe(accessToken)
    // A late report of the old token changes nothing.
    expect(await vault.reportUnauthorized(google, version)).toEqual(all[0])
    expect(provider.calls).toBe(1)
  })

  it('a token less than a minute old is not refreshed again, however often it is reported', async () => {
    const { vault, provider, connect, set } = await refreshing(await open())
    await connect(3600)
    await vault.reportUnauthorized(google, 1)
    const codes = await times(10, () => codeOf(vault.reportUnauthorized(google, 2)))
    expect(new Set(codes)).toEqual(new Set(['ERR_WAXSEAL_GRANT_REFRESH_FAILED']))
    expect(provider.calls).toBe(1)
    await set(sql`last_refreshed_at = now() - interval '61 seconds'`)
    expect(await vault.reportUnauthorized(google, 2)).toMatchObject({ version: 3 })
  })

  it('refreshGrant refreshes now, and gives what is a minute old at most', async () => {
    const { vault, provider, connect } = await refreshing(await open())
    await connect(3600)
    const fresh = await vault.refreshGrant(google)
    expect(fresh).toMatchObject({ version: 2, isStale: false })
    expect(await vault.refreshGrant(google)).toEqual(fresh)
    expect(provider.calls).toBe(1)
    expect(await codeOf(vault.refreshGrant({ ...google, account: 'none' }))).toBe('ERR_WAXSEAL_GRANT_NOT_FOUND')
  })

  it('a refused token is not given out again where the refresh fails', async () => {
    const { vault, provider, connect } = await refreshing(await open())
    const { accessToken } = await connect(3600)
    provider.next(refusal(503))
    expect(await codeOf(vault.reportUnauthorized(google, 1))).toBe('ERR_WAXSEAL_GRANT_REFRESH_FAILED')
    // Whoever has not seen it fail gets it: a 401 may be the fault of that one API.
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken })
    expect(provider.calls).toBe(1)
  })

  it('a version that cannot be is refused', async () => {
    const { vault, connect } = await refreshing(await open())
    await connect(3600)
    const saved = { ...google, account: '', kind: 'oauth' as const, id: randomUUID(), record: '', scopes: null }
    for (const version of [0, 1.5, 2 ** 31, 'x' as never]) {
      expect(await codeOf(vault.reportUnauthorized(google, version))).toBe('ERR_WAXSEAL_ARGUMENT')
      expect(await codeOf(vault.recoverGrant({ ...saved, version }))).toBe('ERR_WAXSEAL_ARGUMENT')
    }
    expect(await vault.reportUnauthorized(google, 2 ** 31 - 1)).toMatchObject({ version: 1 })
  })
})

describe.each(servers)('$database', ({ open }) => {
  it('reports through four vaults make one refresh too', async () => {
    const { newVault, provider, connect } = await refreshing(await open())
    provider.delay = 100
    await connect(3600)
    const vaults = [newVault(), newVault(), newVault(), newVault()]
    const all = await times(48, (index) => vaults[index % 4]!.reportUnauthorized(google, 1))
    expect(provider.calls).toBe(1)
    expect(new Set(all.map(({ version }) => version))).toEqual(new Set([2]))
  })
})
