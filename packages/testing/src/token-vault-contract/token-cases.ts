import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import { codeOf, inSeconds, type SetUp } from './set-up.ts'
import type { VaultUnderTest } from './vault-under-test.ts'

const TENANT = 'tenant'

/** Rounds in which both tokens of an account are stored at once, so many of them beside each other. */
const ROUNDS = 1000
const AT_ONCE = 100

/** Tokens one by one, each with an expiry and a validity of its own. */
export function tokenCases(it: TestRunner['it'], setUp: SetUp): void {
  it('gives a token back as it was stored, to nobody else and under no other name', async () => {
    const { vault } = await setUp()
    const expiresAt = inSeconds(3600)
    const token = { value: 'at', expiresAt, identifier: 'a@b.c' }
    const id = await vault.storeToken(TENANT, 'acme', 'access_token', token)
    const found = await vault.getToken(TENANT, 'acme', 'access_token', 'a@b.c')
    const { value, identifier, tokenType, isValid } = found ?? {}
    assert.deepEqual(
      { value, identifier, tokenType, isValid },
      {
        value: 'at',
        identifier: 'a@b.c',
        tokenType: 'access_token',
        isValid: 'true',
      },
    )
    assert.deepEqual([found?.id, found?.expiresAt], [id, expiresAt])
    for (const other of [
      vault.getToken(TENANT, 'acme', 'access_token'),
      vault.getToken(TENANT, 'acme', 'access_token', 'd@e.f'),
      vault.getToken(TENANT, 'acme', 'refresh_token', 'a@b.c'),
      vault.getToken(TENANT, 'other', 'access_token', 'a@b.c'),
      vault.getToken('nobody', 'acme', 'access_token', 'a@b.c'),
    ]) {
      assert.equal(await other, null)
    }
  })

  it('keeps a key and a secret of one account beside its tokens, and null for no identifier', async () => {
    const { vault } = await setUp()
    const types = ['access_token', 'refresh_token', 'api_key', 'webhook_secret'] as const
    for (const type of types) await vault.storeToken(TENANT, 'acme', type, { value: type })
    for (const type of types) {
      const token = await vault.getToken(TENANT, 'acme', type, '')
      assert.deepEqual([token?.value, token?.identifier], [type, null])
    }
  })

  it('replaces a token under its id, and forgets what was known against it', async () => {
    const { vault } = await setUp()
    const id = await vault.storeToken(TENANT, 'other', 'api_key', { value: 'old' })
    await vault.markTokenInvalid(id, 'HTTP 401', { tenantId: TENANT })
    assert.equal((await vault.getToken(TENANT, 'other', 'api_key'))?.isValid, 'false')
    assert.equal(await vault.storeToken(TENANT, 'other', 'api_key', { value: 'new' }), id)
    const { value, isValid } = (await vault.getToken(TENANT, 'other', 'api_key')) ?? {}
    assert.deepEqual({ value, isValid }, { value: 'new', isValid: 'true' })
  })

  it('says of an access token that it needs a refresh, five minutes before its end unless told otherwise', async () => {
    const { vault } = await setUp()
    const store = (expiresAt: Date | null) =>
      vault.storeToken(TENANT, 'acme', 'access_token', { value: 'at', expiresAt })
    const needsRefresh = async (minutes?: number) =>
      (await vault.getAccessToken(TENANT, 'acme', undefined, minutes))?.needsRefresh
    await store(inSeconds(360))
    assert.deepEqual([await needsRefresh(), await needsRefresh(7), await needsRefresh(0)], [false, true, false])
    await store(inSeconds(240))
    assert.deepEqual([await needsRefresh(), await needsRefresh(3)], [true, false])
    await store(null)
    assert.equal(await needsRefresh(), false)
    assert.equal(await vault.getAccessToken('nobody', 'acme'), null)
  })

  it('gives no access token that has expired, and marks it invalid', async () => {
    const { vault } = await setUp()
    const expiresAt = inSeconds(-1)
    await vault.storeToken(TENANT, 'acme', 'access_token', { value: 'at', expiresAt })
    await vault.storeToken(TENANT, 'acme', 'refresh_token', { value: 'rt' })
    assert.equal(await vault.getAccessToken(TENANT, 'acme'), null)
    assert.equal((await vault.getToken(TENANT, 'acme', 'access_token'))?.isValid, 'false')
    assert.equal(await vault.getRefreshToken(TENANT, 'acme'), 'rt')
  })

  it('lets an app refresh by itself: no access token, the refresh token, both stored anew', async () => {
    const { vault, provider } = await setUp()
    const { access_token, refresh_token } = provider.connect()
    await vault.storeToken(TENANT, 'acme', 'access_token', { value: access_token, expiresAt: inSeconds(-1) })
    await vault.storeToken(TENANT, 'acme', 'refresh_token', { value: refresh_token })

    assert.equal(await vault.getAccessToken(TENANT, 'acme'), null)
    const refreshToken = await vault.getRefreshToken(TENANT, 'acme')
    assert.ok(refreshToken)
    const answer = await provider.profile.refresh({ refreshToken })
    const expiresAt = inSeconds(answer.expires_in ?? 0)
    await vault.storeToken(TENANT, 'acme', 'access_token', { value: answer.access_token, expiresAt })
    await vault.storeToken(TENANT, 'acme', 'refresh_token', { value: answer.refresh_token ?? '' })

    const current = await vault.getAccessToken(TENANT, 'acme')
    assert.deepEqual(current, { token: answer.access_token, needsRefresh: false })
    assert.equal(await vault.getRefreshToken(TENANT, 'acme'), answer.refresh_token)
  })

  it('takes an access token that is invalid for that alone: the grant stays refreshable', async () => {
    const { vault } = await setUp()
    const id = await vault.storeToken(TENANT, 'acme', 'access_token', { value: 'at' })
    await vault.storeToken(TENANT, 'acme', 'refresh_token', { value: 'rt' })
    await vault.markTokenInvalid(id, new Error('HTTP 401'), { tenantId: TENANT })
    assert.equal(await vault.getAccessToken(TENANT, 'acme'), null)
    assert.equal(await vault.getRefreshToken(TENANT, 'acme'), 'rt')
    assert.equal((await vault.getGrant({ tenantId: TENANT, provider: 'acme' }))?.status, 'ACTIVE')
  })

  it('has the user asked again once the refresh token is invalid, and serves what still runs', async () => {
    const { vault } = await setUp()
    await vault.storeToken(TENANT, 'acme', 'access_token', { value: 'at', expiresAt: inSeconds(3600) })
    const id = await vault.storeToken(TENANT, 'acme', 'refresh_token', { value: 'rt' })
    await vault.markTokenInvalid(id, 'invalid_grant', { tenantId: TENANT })
    assert.equal(await vault.getRefreshToken(TENANT, 'acme'), null)
    assert.equal((await vault.getAccessToken(TENANT, 'acme'))?.token, 'at')
    const { status, lastErrorCode } = (await vault.getGrant({ tenantId: TENANT, provider: 'acme' })) ?? {}
    assert.deepEqual([status, lastErrorCode], ['REAUTH_REQUIRED', 'invalid_grant'])
  })

  it('deletes one token alone, the grant with its last one, and none of another tenant', async () => {
    const { vault } = await setUp()
    const access = await vault.storeToken(TENANT, 'acme', 'access_token', { value: 'at' })
    const refresh = await vault.storeToken(TENANT, 'acme', 'refresh_token', { value: 'rt' })
    await vault.deleteToken(access, { tenantId: 'nobody' })
    await vault.markTokenInvalid(access, 'HTTP 401', { tenantId: 'nobody' })
    assert.equal((await vault.getAccessToken(TENANT, 'acme'))?.token, 'at')
    await vault.deleteToken(access, { tenantId: TENANT })
    assert.equal(await vault.getToken(TENANT, 'acme', 'access_token'), null)
    assert.equal(await vault.getRefreshToken(TENANT, 'acme'), 'rt')
    await vault.deleteToken(refresh, { tenantId: TENANT })
    assert.equal(await vault.getGrant({ tenantId: TENANT, provider: 'acme' }), null)
  })

  it('deletes every token of a tenant at a provider, and no other', async () => {
    const { vault } = await setUp()
    await vault.storeToken(TENANT, 'acme', 'access_token', { value: '1', identifier: 'a' })
    await vault.storeToken(TENANT, 'acme', 'api_key', { value: '2', identifier: 'b' })
    await vault.storeToken(TENANT, 'other', 'api_key', { value: '3' })
    await vault.storeToken('another', 'acme', 'api_key', { value: '4' })
    await vault.deleteProviderTokens(TENANT, 'acme')
    const { grants } = await vault.listGrants()
    assert.deepEqual(grants.map(({ tenantId, provider }) => `${tenantId} ${provider}`).sort(), [
      'another acme',
      'tenant other',
    ])
  })

  it('finds the access tokens that will expire soon and are valid, the first one first', async () => {
    const { vault } = await setUp()
    const store = (tenantId: string, seconds: number | null, type: 'access_token' | 'api_key' = 'access_token') => {
      const expiresAt = seconds === null ? null : inSeconds(seconds)
      return vault.storeToken(tenantId, 'acme', type, { value: tenantId, expiresAt })
    }
    const second = await store('1', 500)
    const first = await store('2', 100)
    await store('3', 700)
    await store('4', -1)
    await store('5', null)
    await store('6', 100, 'api_key')
    await vault.markTokenInvalid(await store('7', 100), 'HTTP 401', { tenantId: '7' })
    const found = await vault.findExpiringTokens(10, 'acme')
    assert.deepEqual(
      found.map(({ id }) => id),
      [first, second],
    )
    assert.deepEqual(await vault.findExpiringTokens(10, 'other'), [])
  })

  it('keeps both tokens of an account that are stored at once, a thousand times', async () => {
    const { vault } = await setUp()
    const lost: string[] = []
    const round = async (index: number) => {
      // Half of the rounds find a grant, the others make it.
      const identifier = `account ${index % (ROUNDS / 2)}`
      await Promise.all([
        vault.storeToken(TENANT, 'acme', 'access_token', { value: `at ${index}`, identifier }),
        vault.storeToken(TENANT, 'acme', 'refresh_token', { value: `rt ${index}`, identifier }),
      ])
      const { tokens } = (await vault.getGrant({ tenantId: TENANT, provider: 'acme', account: identifier })) ?? {}
      if (tokens?.access_token?.value !== `at ${index}`) lost.push(`at ${index}`)
      if (tokens?.refresh_token?.value !== `rt ${index}`) lost.push(`rt ${index}`)
    }
    for (let start = 0; start < ROUNDS; start += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => round(start + index)))
    }
    assert.deepEqual(lost, [])
  })

  it('refuses what can never work', async () => {
    const { vault } = await setUp()
    const calls: ((vault: VaultUnderTest) => Promise<unknown>)[] = [
      ({ getToken }) => getToken.call(vault, TENANT, 'unknown' as 'acme', 'api_key'),
      ({ getToken }) => getToken.call(vault, TENANT, 'constructor' as 'acme', 'api_key'),
      ({ getToken }) => getToken.call(vault, '', 'acme', 'api_key'),
      ({ storeToken }) => storeToken.call(vault, TENANT, 'acme', 'api_key', { value: '' }),
      ({ storeToken }) =>
        storeToken.call(vault, TENANT, 'acme', 'api_key', { value: 'k', expiresAt: new Date('never') }),
      ({ deleteToken }) => deleteToken.call(vault, 'no id', { tenantId: TENANT }),
    ]
    for (const call of calls) assert.equal(await codeOf(call(vault)), 'ERR_WAXSEAL_ARGUMENT', String(call))
  })
}
