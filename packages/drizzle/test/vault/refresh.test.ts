/** getFreshAccessToken where nothing goes wrong: who asks the provider, who gets the old token, who waits. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { databases, servers } from '../support/databases.ts'
import { codeOf, google, refreshing, times } from './support/refreshing.ts'

describe.each(databases)('$database', ({ open }) => {
  it('a token that runs for longer than the buffer is given as it is', async () => {
    const { vault, provider, connect } = await refreshing(await open())
    const { accessToken } = await connect(3600)
    const fresh = await vault.getFreshAccessToken(google)
    expect(fresh).toEqual({ accessToken, expiresAt: expect.any(Date), version: 1, isStale: false })
    expect(provider.calls).toBe(0)
  })

  it('one within the buffer is refreshed, with all that the provider gave', async () => {
    const { vault, provider, connect, row, tokens } = await refreshing(await open())
    const { refreshToken } = await connect(60)
    provider.answer = { scope: 'calendar mail', refresh_token_expires_in: 86_400 }
    let sentAt = 0
    provider.next(async (rightAnswer) => {
      sentAt = Date.now()
      await sleep(500)
      return rightAnswer()
    })
    const fresh = await vault.getFreshAccessToken(google)
    expect(fresh).toMatchObject({ version: 2, isStale: false })
    // Counted from before the request: the provider's clock began to run no sooner.
    expect(fresh.expiresAt!.getTime() - 3_600_000).toBeLessThanOrEqual(sentAt + 5)
    expect(fresh.expiresAt!.getTime() - 3_600_000).toBeGreaterThan(sentAt - 30_000)
    expect(provider.requests).toMatchObject([{ refreshToken, grant: { ...google, version: 1, scopes: [] } }])
    expect(await row()).toMatchObject({
      ...{ status: 'ACTIVE', version: 2, failures: 0, scopes: ['calendar', 'mail'] },
      ...{ leaseOwner: null, leaseUntil: null, attemptStartedAt: null, inDoubtSince: null, retryAfter: null },
      lastRefreshedAt: expect.any(Date),
      expiresAt: fresh.expiresAt,
    })
    const { access_token, refresh_token } = await tokens()
    expect(access_token).toEqual({
      ...{ value: fresh.accessToken, expiresAt: fresh.expiresAt, valid: true, lifetimeSeconds: 3600 },
    })
    expect(provider.takes(refresh_token!.value)).toBe(true)
    expect(refresh_token!.expiresAt!.getTime() - fresh.expiresAt!.getTime()).toBe(82_800_000)
    expect(await vault.getFreshAccessToken(google)).toEqual(fresh)
    expect(provider.calls).toBe(1)
  })

  it('twenty-five callers at once make one call of the provider', async () => {
    const { vault, provider, connect } = await refreshing(await open())
    provider.delay = 100
    const { accessToken } = await connect(10)
    const all = await times(25, () => vault.getFreshAccessToken(google))
    expect(provider.calls).toBe(1)
    // Less than half a minute is left: nobody gets the old one.
    expect(new Set(all.map((fresh) => fresh.accessToken)).size).toBe(1)
    expect(all[0]!.accessToken).not.toBe(accessToken)
  })

  it('who comes second has the old token at once, while it runs for half a minute more', async () => {
    const { vault, newVault, provider, connect } = await refreshing(await open())
    let answer = () => {}
    const answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    provider.next(async (rightAnswer) => {
      await answered
      return rightAnswer()
    })
    const { accessToken } = await connect(60)
    const first = vault.getFreshAccessToken(google)
    await expect.poll(() => provider.calls).toBe(1)
    const others = await Promise.all([vault.getFreshAccessToken(google), newVault().getFreshAccessToken(google)])
    expect(others).toMatchObject([1, 2].map(() => ({ accessToken, version: 1, isStale: true })))
    answer()
    expect((await first).accessToken).not.toBe(accessToken)
    expect(provider.calls).toBe(1)
  })

  it('a token with a short life is due halfway through it, not at once', async () => {
    const { vault, provider, connect, set } = await refreshing(await open())
    provider.answer = { expires_in: 60 }
    await connect(1)
    const fresh = await vault.getFreshAccessToken(google)
    expect(await vault.getFreshAccessToken(google)).toEqual(fresh)
    expect(provider.calls).toBe(1)
    await set(sql`expires_at = expires_at - interval '31 s', last_refreshed_at = last_refreshed_at - interval '31 s'`)
    expect((await vault.getFreshAccessToken(google)).version).toBe(3)
  })

  it('tells what is not there from what must be connected again', async () => {
    const { vault, connect, row } = await refreshing(await open())
    expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_NOT_FOUND')
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt: new Date(Date.now() - 1) })
    expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
    expect(await row()).toMatchObject({ status: 'EXPIRED' })
    await connect()
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 3 })
    await vault.revokeGrant(google)
    expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
  })

  it('without a refresher an access token is served as long as it runs', async () => {
    const { newVault, vault } = await refreshing(await open())
    const plain = newVault({ providers: { google: {} } })
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt: new Date(Date.now() + 5000) })
    expect(await plain.getFreshAccessToken(google)).toMatchObject({ accessToken: 'at', isStale: true })
  })
})

describe.each(servers)('$database', ({ open }) => {
  it('four vaults with twenty-five callers each make one call, and all are served', async () => {
    const { newVault, provider, connect, row } = await refreshing(await open())
    provider.delay = 300
    // Expired: nothing but the lease keeps anybody from asking.
    await connect(-1)
    const vaults = [newVault(), newVault(), newVault(), newVault()]
    const all = await times(100, (index) => vaults[index % 4]!.getFreshAccessToken(google))
    expect(provider.calls).toBe(1)
    expect(new Set(all.map(({ version }) => version))).toEqual(new Set([2]))
    expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2 })
  })
})
