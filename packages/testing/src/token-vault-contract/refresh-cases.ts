import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import {
  acme,
  assertAlive,
  codeOf,
  DUE,
  EXPIRED,
  endsByItself,
  grantOf,
  inTime,
  type SetUp,
  times,
  underWay,
} from './set-up.ts'

/** Access tokens that are new when they are needed, at one refresh however many need them. */
export function refreshCases(it: TestRunner['it'], setUp: SetUp): void {
  it('serves an access token that runs without asking the provider', async () => {
    const { vault, provider, connect } = await setUp()
    const { accessToken } = await connect(3600)
    const fresh = await vault.getFreshAccessToken(acme)
    assert.deepEqual([fresh.accessToken, fresh.isStale], [accessToken, false])
    assert.equal(provider.refreshes, 0)
  })

  it('refreshes an access token that is about to expire, and keeps what it was given', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    const old = await connect(DUE)
    const { version } = await grantOf(vault)
    const fresh = await vault.getFreshAccessToken(acme)
    assert.notEqual(fresh.accessToken, old.accessToken)
    assert.deepEqual([fresh.isStale, fresh.version], [false, version + 1])
    await assertAlive(vault, provider)
    const other = await reopen()
    assert.equal((await other.getFreshAccessToken(acme)).accessToken, fresh.accessToken)
    assert.equal((await grantOf(other)).tokens.access_token?.value, fresh.accessToken)
    assert.equal(provider.refreshes, 1)
  })

  it('counts an access token’s life from when the provider was asked', async () => {
    const { vault, connect } = await setUp({ latencyMilliseconds: 1000, expiresInSeconds: 3600 })
    await connect(EXPIRED)
    const { expiresAt } = await vault.getFreshAccessToken(acme)
    const secondsLeft = ((expiresAt?.getTime() ?? 0) - Date.now()) / 1000
    assert.ok(secondsLeft > 3500 && secondsLeft <= 3599.1, `it has ${secondsLeft} seconds left`)
  })

  it('makes one refresh of twenty-five calls, and one of two processes', async () => {
    const { vault, reopen, provider, connect } = await setUp({ latencyMilliseconds: 100 })
    await connect(EXPIRED)
    const vaults = [vault, await reopen()]
    const fresh = await times(50, async (index) => (vaults[index % 2] ?? vault).getFreshAccessToken(acme))
    assert.equal(provider.refreshes, 1)
    assert.equal(new Set(fresh.map(({ accessToken }) => accessToken)).size, 1)
    await assertAlive(vault, provider)
  })

  it('makes one refresh in a storm of four processes with twenty-five calls each', async () => {
    const { vault, reopen, provider, connect } = await setUp({ latencyMilliseconds: 300 })
    await connect(EXPIRED)
    const vaults = [vault, await reopen(), await reopen(), await reopen()]
    const fresh = await times(100, async (index) => (vaults[index % 4] ?? vault).getFreshAccessToken(acme))
    assert.equal(provider.refreshes, 1)
    const { tokens } = await grantOf(vault)
    for (const { accessToken } of fresh) assert.equal(accessToken, tokens.access_token?.value)
    await assertAlive(vault, provider)
  })

  it('refreshes each account by itself', async () => {
    const { vault, provider, connect } = await setUp()
    const accounts = ['a', 'b', 'c'].map((account) => ({ ...acme, account }))
    for (const account of accounts) await connect(EXPIRED, account)
    const fresh = await times(3, async (index) => vault.getFreshAccessToken(accounts[index] ?? acme))
    assert.equal(provider.refreshes, 3)
    assert.equal(new Set(fresh.map(({ accessToken }) => accessToken)).size, 3)
  })

  it('serves the old access token at once while another call waits for the provider', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    const old = await connect(DUE)
    const release = provider.hold()
    const first = await underWay(provider, () => vault.getFreshAccessToken(acme))
    for (const other of [vault, await reopen()]) {
      const stale = await inTime(other.getFreshAccessToken(acme))
      assert.deepEqual([stale.accessToken, stale.isStale], [old.accessToken, true])
    }
    release()
    assert.equal((await first.end).isStale, false)
    assert.equal(provider.refreshes, 1)
  })

  it('serves no access token that ends within half a minute while a new one is on its way', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    await connect(20)
    const release = provider.hold()
    const first = await underWay(provider, () => vault.getFreshAccessToken(acme))
    const others = [vault, await reopen()].map((other) => other.getFreshAccessToken(acme))
    assert.equal(await endsByItself(Promise.race(others)), false)
    release()
    const { accessToken } = await first.end
    for (const other of others) assert.equal((await inTime(other)).accessToken, accessToken)
  })

  it('makes one refresh of fifty reports that the API took an access token no more', async () => {
    const { vault, reopen, provider, connect } = await setUp({ latencyMilliseconds: 50 })
    const { accessToken } = await connect(3600)
    const vaults = [vault, await reopen()]
    const { version } = await vault.getFreshAccessToken(acme)
    const fresh = await times(50, async (index) => (vaults[index % 2] ?? vault).reportUnauthorized(acme, version))
    assert.equal(provider.refreshes, 1)
    for (const token of fresh) assert.notEqual(token.accessToken, accessToken)
    await assertAlive(vault, provider)
  })

  it('serves no access token to whom has reported it', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    await connect(3600)
    const { version } = await vault.getFreshAccessToken(acme)
    const release = provider.hold()
    const first = await underWay(provider, () => vault.reportUnauthorized(acme, version))
    const other = (await reopen()).reportUnauthorized(acme, version)
    assert.equal(await endsByItself(other), false)
    release()
    assert.equal((await inTime(other)).accessToken, (await first.end).accessToken)
  })

  it('refreshes nothing for the report of an access token that is no longer the newest', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(3600)
    const { version } = await vault.getFreshAccessToken(acme)
    const { accessToken } = await connect(3600)
    assert.equal((await vault.reportUnauthorized(acme, version)).accessToken, accessToken)
    assert.equal(provider.refreshes, 0)
  })

  it('refreshes at most once a minute for reports, and says that it can be tried again', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(3600)
    const first = await vault.reportUnauthorized(acme, (await vault.getFreshAccessToken(acme)).version)
    assert.equal(await codeOf(vault.reportUnauthorized(acme, first.version)), 'ERR_WAXSEAL_GRANT_REFRESH_FAILED')
    assert.equal(provider.refreshes, 1)
  })

  it('refreshes when told to, however long the access token still runs', async () => {
    const { vault, provider, connect } = await setUp()
    const { accessToken } = await connect(3600)
    assert.notEqual((await vault.refreshGrant(acme)).accessToken, accessToken)
    assert.equal(provider.refreshes, 1)
    await assertAlive(vault, provider)
  })

  it('ends the wait of a caller who gives up, and not the refresh', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(EXPIRED)
    const release = provider.hold()
    const controller = new AbortController()
    const impatient = await underWay(provider, () => vault.getFreshAccessToken(acme, { signal: controller.signal }))
    controller.abort(new Error('the client has gone'))
    await assert.rejects(inTime(impatient.end), /the client has gone/)
    release()
    await inTime(vault.getFreshAccessToken(acme))
    assert.equal(provider.refreshes, 1)
    await assertAlive(vault, provider)
  })

  it('waits with its end for a refresh that is under way', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    await connect(EXPIRED)
    const release = provider.hold()
    const first = await underWay(provider, () => vault.getFreshAccessToken(acme))
    const disposed = vault.dispose()
    assert.equal(await endsByItself(disposed), false)
    release()
    await inTime(disposed)
    await assertAlive(await reopen(), provider)
    await first.end
  })

  it('knows no access token of a grant that is not there, or cannot be refreshed', async () => {
    const { vault } = await setUp()
    assert.equal(await codeOf(vault.getFreshAccessToken(acme)), 'ERR_WAXSEAL_GRANT_NOT_FOUND')
    const expiresAt = new Date(Date.now() - 1000)
    for (const provider of ['acme', 'other'] as const) {
      await vault.putGrant({ tenantId: 'tenant', provider, tokens: { access_token: { value: 'at', expiresAt } } })
      const code = await codeOf(vault.getFreshAccessToken({ tenantId: 'tenant', provider }))
      assert.equal(code, 'ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
    }
  })
}
