import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestRunner } from '../test-runner.ts'
import {
  acme,
  assertAlive,
  codeOf,
  DEFAULT_LIFETIME_SECONDS,
  DUE,
  EXPIRED,
  grantOf,
  type SetUp,
  underWay,
  until,
} from './set-up.ts'

const FAILED = 'ERR_WAXSEAL_GRANT_REFRESH_FAILED'
/** What calls end in that were refused, and that asked again soon after. */
const NO_TOKEN = /^ERR_WAXSEAL_GRANT_RE/
const REAUTH_REQUIRED = 'ERR_WAXSEAL_GRANT_REAUTH_REQUIRED'

/** In milliseconds: longer than a vault leaves a provider alone after a first failure. */
const BACK_OFF = 2500

/** What each answer of a provider, or its silence, means for the grant. */
export function answerCases(it: TestRunner['it'], setUp: SetUp): void {
  it('keeps the refresh token where the answer has none', async () => {
    const { vault, provider, connect } = await setUp()
    const old = await connect(EXPIRED)
    provider.next({ without: 'refresh_token' })
    assert.notEqual((await vault.getFreshAccessToken(acme)).accessToken, old.accessToken)
    assert.equal((await grantOf(vault)).tokens.refresh_token?.value, old.refreshToken)
    await assertAlive(vault, provider)
  })

  it('lets no access token run for ever where the answer has no lifetime', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(EXPIRED)
    provider.next({ without: 'expires_in' })
    const { expiresAt } = await vault.getFreshAccessToken(acme)
    const secondsLeft = ((expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now()) / 1000
    assert.ok(Math.abs(secondsLeft - DEFAULT_LIFETIME_SECONDS) < 60, `it runs for ${secondsLeft} seconds`)
  })

  it('keeps a grant whose user has disconnected, serves what still runs, and asks no more', async () => {
    const { vault, provider, connect } = await setUp()
    const { accessToken, refreshToken } = await connect(DUE)
    provider.disconnect(refreshToken)
    assert.equal((await vault.getFreshAccessToken(acme)).accessToken, accessToken)
    const { status, lastErrorCode } = await grantOf(vault)
    assert.deepEqual([status, lastErrorCode], ['REAUTH_REQUIRED', 'invalid_grant'])
    assert.equal((await vault.getFreshAccessToken(acme)).accessToken, accessToken)
    assert.equal(await vault.getRefreshToken('tenant', 'acme'), null)
    assert.equal(provider.refreshes, 1)
  })

  it('has a user who disconnected asked again, once nothing runs any more', async () => {
    const { vault, provider, connect } = await setUp()
    provider.disconnect((await connect(EXPIRED)).refreshToken)
    assert.equal(await codeOf(vault.getFreshAccessToken(acme)), REAUTH_REQUIRED)
    assert.equal(await codeOf(vault.getFreshAccessToken(acme)), REAUTH_REQUIRED)
    assert.equal(provider.refreshes, 1)
    const { accessToken } = await connect(3600)
    assert.equal((await vault.getFreshAccessToken(acme)).accessToken, accessToken)
    await assertAlive(vault, provider)
  })

  it('blames no grant where the provider refuses the app', async () => {
    const { vault, provider, connect } = await setUp()
    const { refreshToken } = await connect(EXPIRED)
    provider.next({ error: 'invalid_client', status: 401, retryAfterSeconds: 3600 })
    assert.equal(await codeOf(vault.getFreshAccessToken(acme)), 'ERR_WAXSEAL_CONFIG')
    assert.equal((await grantOf(vault)).status, 'CONFIG_ERROR')
    assert.equal((await vault.getToken('tenant', 'acme', 'refresh_token'))?.isValid, 'unknown')
    assert.equal(await vault.getRefreshToken('tenant', 'acme'), refreshToken)
  })

  it('serves what still runs while the provider is down', async () => {
    const { vault, provider, connect } = await setUp()
    const { accessToken } = await connect(DUE)
    provider.next({ error: 'temporarily_unavailable', status: 503, retryAfterSeconds: 3600 })
    for (let call = 0; call < 2; call++) {
      assert.equal((await vault.getFreshAccessToken(acme)).accessToken, accessToken)
    }
    assert.equal((await grantOf(vault)).status, 'REFRESH_FAILED')
    assert.equal((await vault.getToken('tenant', 'acme', 'access_token'))?.isValid, 'unknown')
  })

  it('asks again after a failure, and recovers', async () => {
    for (const answer of [
      { error: 'invalid_client', status: 401 },
      { error: 'temporarily_unavailable', status: 503 },
    ]) {
      const { vault, provider, connect } = await setUp()
      await connect(EXPIRED)
      provider.next(answer)
      const isFresh = async () => (await codeOf(vault.getFreshAccessToken(acme))) === 'no error'
      await until('the grant never recovered', isFresh)
      assert.equal(provider.refreshes, 2)
      await assertAlive(vault, provider)
    }
  })

  it('leaves a provider alone for as long as it asks', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    await connect(EXPIRED)
    provider.next({ error: 'slow_down', status: 429, retryAfterSeconds: 3600 })
    assert.equal(await codeOf(vault.getFreshAccessToken(acme)), FAILED)
    await sleep(BACK_OFF)
    for (const other of [vault, await reopen()]) assert.equal(await codeOf(other.getFreshAccessToken(acme)), FAILED)
    assert.equal(provider.refreshes, 1)
  })

  it('spends no refresh token that may have been spent while the access token still runs', async () => {
    const { vault, reopen, provider, connect } = await setUp()
    const { accessToken } = await connect(DUE)
    provider.next('no answer')
    assert.equal((await vault.getFreshAccessToken(acme)).accessToken, accessToken)
    await sleep(BACK_OFF)
    const stale = await (await reopen()).getFreshAccessToken(acme)
    assert.deepEqual([stale.accessToken, provider.refreshes], [accessToken, 1])
  })

  it('tells a rotation whose answer was lost from a user who disconnected', async () => {
    const { vault, provider, connect } = await setUp()
    await connect(EXPIRED)
    provider.next('no answer')
    const isOver = async () => (await codeOf(vault.getFreshAccessToken(acme))) === REAUTH_REQUIRED
    await until('the grant never ended', isOver)
    assert.deepEqual([(await grantOf(vault)).status, provider.refreshes], ['LOST_ROTATION', 2])
  })

  it('stores nothing that is no token', async () => {
    for (const malformed of [null, {}, '<html>', { access_token: '' }, { access_token: 5 }, { access_token: ['a'] }]) {
      const { vault, provider, connect } = await setUp()
      const { accessToken, refreshToken } = await connect(EXPIRED)
      provider.next({ malformed })
      assert.match(String(await codeOf(vault.getFreshAccessToken(acme))), NO_TOKEN)
      const { tokens } = await grantOf(vault)
      assert.deepEqual([tokens.access_token?.value, tokens.refresh_token?.value], [accessToken, refreshToken])
    }
  })

  it('lets nobody wait for ever where the provider is silent', async () => {
    const { vault, reopen, provider, connect } = await setUp({ refreshTimeoutSeconds: 0.3 })
    await connect(EXPIRED)
    const release = provider.hold()
    const vaults = [vault, vault, await reopen()]
    const codes = await Promise.all(vaults.map((other) => codeOf(other.getFreshAccessToken(acme))))
    for (const code of codes)
      assert.ok(code === FAILED || code === 'ERR_WAXSEAL_GRANT_REFRESH_PENDING', `it was ${code}`)
    release()
  })

  it('keeps tokens that come after the time is over: the provider takes no others', async () => {
    const { vault, provider, connect } = await setUp({ refreshTimeoutSeconds: 0.3 })
    await connect(EXPIRED)
    const release = provider.hold()
    const controller = new AbortController()
    // Nobody asks again, which would end the grant.
    const late = await underWay(provider, () => vault.getFreshAccessToken(acme, { signal: controller.signal }))
    controller.abort()
    await codeOf(late.end)
    const isOver = async () => (await grantOf(vault)).status === 'REFRESH_FAILED'
    await until('the provider was waited for', isOver)
    release()
    const isKept = async () => provider.isSpendable((await grantOf(vault)).tokens.refresh_token?.value)
    await until('the tokens were dropped', isKept)
    await assertAlive(vault, provider)
  })
}
