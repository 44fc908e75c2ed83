import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import { acme, assertAlive, codeOf, EXPIRED, grantOf, inTime, type SetUp, store, underWay } from './set-up.ts'

/** What happens to a grant while its refresh is on the way. */
export function raceCases(it: TestRunner['it'], setUp: SetUp): void {
  it('keeps the tokens of a user who connects again during a refresh', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(EXPIRED)
    const release = provider.hold()
    const refresh = await underWay(provider, () => vault.getFreshAccessToken(acme))
    const { accessToken } = await connect(3600)
    release()
    assert.equal((await inTime(refresh.end)).accessToken, accessToken)
    assert.equal((await grantOf(vault)).tokens.access_token?.value, accessToken)
    await assertAlive(vault, provider)
  })

  it('keeps a refresh token that an app stores during a refresh', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(EXPIRED)
    const release = provider.hold()
    const refresh = await underWay(provider, () => vault.getFreshAccessToken(acme))
    const { refresh_token } = provider.connect()
    await vault.storeToken('tenant', 'acme', 'refresh_token', { value: refresh_token })
    release()
    await inTime(refresh.end)
    // It has been spent by then: the access token beside it had expired.
    await assertAlive(vault, provider)
  })

  it('gives no refresh up because a former one was refused', async () => {
    const { vault, provider, connect } = await setUp()
    const old = await connect(EXPIRED)
    provider.disconnect(old.refreshToken)
    const release = provider.hold()
    const refresh = await underWay(provider, () => vault.getFreshAccessToken(acme))
    const { accessToken } = await connect(3600)
    release()
    assert.equal((await inTime(refresh.end)).accessToken, accessToken)
    await assertAlive(vault, provider)
  })

  it('brings no grant back that is revoked during a refresh, and tells the provider of what came', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(EXPIRED)
    const release = provider.hold()
    const refresh = await underWay(provider, () => vault.getFreshAccessToken(acme))
    await vault.revokeGrant(acme)
    release()
    assert.equal(await codeOf(refresh.end), 'ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
    const { status, tokens } = await grantOf(vault)
    assert.deepEqual({ status, tokens }, { status: 'REVOKED', tokens: {} })
    assert.equal(provider.liveGrants, 0)
  })

  it('brings no grant back that is deleted during a refresh', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(EXPIRED)
    const release = provider.hold()
    const refresh = await underWay(provider, () => vault.getFreshAccessToken(acme))
    await vault.deleteGrant(acme)
    release()
    assert.equal(await codeOf(refresh.end), 'ERR_WAXSEAL_GRANT_NOT_FOUND')
    assert.equal(await vault.getGrant(acme), null)
  })

  it('loses no refresh token to writes that leave it alone', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    await connect(EXPIRED)
    const release = provider.hold()
    const refresh = await underWay(provider, () => vault.getFreshAccessToken(acme))
    const other = await reopen()
    await other.setGrantMetadata(acme, { calendar: 'primary' })
    const id = await other.storeToken('tenant', 'acme', 'access_token', { value: 'by hand' })
    await other.markTokenInvalid(id, 'HTTP 401', { tenantId: 'tenant' })
    release()
    const { accessToken } = await inTime(refresh.end)
    const { tokens, metadata } = await grantOf(vault)
    assert.deepEqual([tokens.access_token?.value, metadata], [accessToken, { calendar: 'primary' }])
    await assertAlive(vault, provider)
  })

  it('makes one token of a grant that is stored and refreshed at once by many', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    const other = await reopen()
    for (let round = 0; round < 10; round++) {
      await connect(EXPIRED)
      const { access_token, refresh_token } = provider.connect()
      const tokens = { accessToken: access_token, refreshToken: refresh_token }
      await Promise.all([vault.getFreshAccessToken(acme), store(other, acme, tokens, 3600)])
      assert.equal((await grantOf(vault)).tokens.refresh_token?.value, refresh_token)
    }
  })
}
