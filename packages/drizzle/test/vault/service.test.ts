/** Tokens one by one, under the names of the earlier design. */
import { randomUUID } from 'node:crypto'
import { getTableName, sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { TokenVaultService } from '../../src/vault/index.ts'
import { databases, servers } from '../support/databases.ts'
import { inMinutes, newVault } from './support/vaults.ts'

describe.each(databases)('$database', ({ open }) => {
  const start = async () => newVault(await open())

  it('storeToken inserts, getToken gives it back', async () => {
    const { vault, clock } = await start()
    expect(vault).toBeInstanceOf(TokenVaultService)
    const expiresAt = inMinutes(clock, 60)
    const id = await vault.storeToken('t1', 'google', 'access_token', { value: 'at-1', expiresAt, identifier: 'a@b.c' })
    expect(await vault.getToken('t1', 'google', 'access_token', 'a@b.c')).toEqual({
      id,
      tenantId: 't1',
      provider: 'google',
      tokenType: 'access_token',
      value: 'at-1',
      identifier: 'a@b.c',
      expiresAt,
      isValid: 'true',
      lastUsedAt: null,
    })
    expect(id).toMatch(/^[0-9a-f-]{36}:access_token$/)
    expect(await vault.getToken('t1', 'google', 'access_token')).toBe(null)
    expect(await vault.getToken('t1', 'google', 'refresh_token', 'a@b.c')).toBe(null)
    expect(await vault.getToken('t2', 'google', 'access_token', 'a@b.c')).toBe(null)
  })

  it('one account needs no identifier, and has null for it', async () => {
    const { vault } = await start()
    await vault.storeToken('t1', 'whatsapp', 'api_key', { value: 'key' })
    await vault.storeToken('t1', 'whatsapp', 'webhook_secret', { value: 'hook' })
    expect(await vault.getToken('t1', 'whatsapp', 'api_key')).toMatchObject({ value: 'key', identifier: null })
    expect(await vault.getToken('t1', 'whatsapp', 'webhook_secret', '')).toMatchObject({ value: 'hook' })
    expect(await vault.getToken('t1', 'whatsapp', 'access_token')).toBe(null)
  })

  it('storeToken again replaces the token under the same id, and clears its error', async () => {
    const { vault } = await start()
    const id = await vault.storeToken('t1', 'google', 'access_token', { value: 'old' })
    await vault.markTokenInvalid(id, 'invalid_token')
    expect(await vault.getToken('t1', 'google', 'access_token')).toMatchObject({ isValid: 'false' })
    expect(await vault.getAccessToken('t1', 'google')).toBe(null)
    expect(await vault.getGrant({ tenantId: 't1', provider: 'google' })).toMatchObject({
      lastErrorCode: 'invalid_token',
    })
    expect(await vault.storeToken('t1', 'google', 'access_token', { value: 'new' })).toBe(id)
    expect(await vault.getToken('t1', 'google', 'access_token')).toMatchObject({ value: 'new', isValid: 'true' })
    const grant = await vault.getGrant({ tenantId: 't1', provider: 'google' })
    expect(grant).toMatchObject({ status: 'ACTIVE', lastErrorCode: null, lastError: null })
  })

  it('getAccessToken needs a refresh within the buffer, five minutes unless told otherwise', async () => {
    const { vault, clock } = await start()
    const store = (expiresAt: Date | null) =>
      vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt })
    await store(inMinutes(clock, 6))
    expect(await vault.getAccessToken('t1', 'google')).toEqual({ token: 'at', needsRefresh: false })
    expect(await vault.getAccessToken('t1', 'google', undefined, 7)).toEqual({ token: 'at', needsRefresh: true })
    clock.advanceSeconds(60)
    expect(await vault.getAccessToken('t1', 'google')).toEqual({ token: 'at', needsRefresh: true })
    expect(await vault.getAccessToken('t1', 'google', null, 0)).toEqual({ token: 'at', needsRefresh: false })
    await store(null)
    expect(await vault.getAccessToken('t1', 'google')).toEqual({ token: 'at', needsRefresh: false })
    expect(await vault.getAccessToken('t1', 'whatsapp')).toBe(null)
  })

  it('an expired access token is null and marked invalid, for good; without a refresh token the grant has expired', async () => {
    const { vault, clock } = await start()
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt: inMinutes(clock, 1) })
    clock.advanceSeconds(60)
    expect(await vault.getAccessToken('t1', 'google')).toBe(null)
    clock.setNow(clock.now() - 60_000)
    expect(await vault.getAccessToken('t1', 'google')).toBe(null)
    expect(await vault.getToken('t1', 'google', 'access_token')).toMatchObject({ value: 'at', isValid: 'false' })
    expect(await vault.getGrant({ tenantId: 't1', provider: 'google' })).toMatchObject({ status: 'EXPIRED' })
  })

  it('the flow: expired access token, null, refresh token, provider, both stored', async () => {
    const { vault, clock } = await start()
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at-1', expiresAt: inMinutes(clock, 60) })
    await vault.storeToken('t1', 'google', 'refresh_token', { value: 'rt-1' })
    clock.advanceSeconds(3660)

    expect(await vault.getAccessToken('t1', 'google')).toBe(null)
    const refreshToken = await vault.getRefreshToken('t1', 'google')
    expect(refreshToken).toBe('rt-1')
    // What the provider answers to it.
    const answer = { access_token: 'at-2', refresh_token: 'rt-2', expires_in: 3600 }
    const expiresAt = new Date(clock.now() + answer.expires_in * 1000)
    await vault.storeToken('t1', 'google', 'access_token', { value: answer.access_token, expiresAt })
    await vault.storeToken('t1', 'google', 'refresh_token', { value: answer.refresh_token })

    expect(await vault.getAccessToken('t1', 'google')).toEqual({ token: 'at-2', needsRefresh: false })
    expect(await vault.getRefreshToken('t1', 'google')).toBe('rt-2')
    expect(await vault.getToken('t1', 'google', 'access_token')).toMatchObject({ isValid: 'true', expiresAt })
  })

  it('an access token that goes, expires or is invalid leaves the grant refreshable', async () => {
    const { vault, clock } = await start()
    const expiresAt = inMinutes(clock, 1)
    const id = await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt })
    await vault.storeToken('t1', 'google', 'refresh_token', { value: 'rt' })
    const refreshable = async () => {
      expect(await vault.getAccessToken('t1', 'google')).toBe(null)
      expect(await vault.getRefreshToken('t1', 'google')).toBe('rt')
      const grant = await vault.getGrant({ tenantId: 't1', provider: 'google' })
      expect(grant).toMatchObject({ status: 'ACTIVE', version: 2 })
      // Due: whoever sweeps by expiry finds it.
      expect(grant!.expiresAt!.getTime()).toBeLessThanOrEqual(clock.now())
    }
    await vault.markTokenInvalid(id, new Error('401 invalid_token'))
    await refreshable()
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt })
    clock.advanceSeconds(120)
    await refreshable()
    await vault.deleteToken(id)
    await refreshable()
    expect(await vault.getToken('t1', 'google', 'access_token')).toBe(null)
  })

  it('a refresh token marked invalid: connect again, though an access token that runs is still given', async () => {
    const { vault, clock } = await start()
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt: inMinutes(clock, 9) })
    const id = await vault.storeToken('t1', 'google', 'refresh_token', { value: 'rt' })
    await vault.markTokenInvalid(id, 'HTTP 400: {"error":"invalid_grant","error_description":"rt is no good"}')
    expect(await vault.getRefreshToken('t1', 'google')).toBe(null)
    expect(await vault.getToken('t1', 'google', 'refresh_token')).toMatchObject({ value: 'rt', isValid: 'false' })
    expect(await vault.getAccessToken('t1', 'google')).toEqual({ token: 'at', needsRefresh: false })
    expect(await vault.getGrant({ tenantId: 't1', provider: 'google' })).toMatchObject({
      status: 'REAUTH_REQUIRED',
      lastErrorCode: 'invalid_grant',
      lastError: 'invalid_grant, HTTP 400',
      tokens: { refresh_token: { valid: false }, access_token: { valid: true } },
    })
  })

  it('a refresh token has an expiry of its own', async () => {
    const { vault, clock } = await start()
    await vault.storeToken('t1', 'google', 'refresh_token', { value: 'rt', expiresAt: inMinutes(clock, 1) })
    expect(await vault.getRefreshToken('t1', 'google')).toBe('rt')
    clock.advanceSeconds(60)
    expect(await vault.getRefreshToken('t1', 'google')).toBe(null)
  })

  it.each([
    ['ACTIVE', 'true'],
    ['REFRESH_FAILED', 'unknown'],
    ['CONFIG_ERROR', 'unknown'],
    ['REAUTH_REQUIRED', 'false'],
    ['LOST_ROTATION', 'false'],
    ['EXPIRED', 'false'],
    // It opens, which ends that.
    ['QUARANTINED', 'true'],
  ])('a grant that is %s has isValid %s', async (status, isValid) => {
    const { vault, table, db } = await start()
    await vault.storeToken('t1', 'google', 'access_token', { value: 'at' })
    await db.execute(sql`update ${sql.identifier(getTableName(table))} set status = ${status}`)
    expect(await vault.getToken('t1', 'google', 'access_token')).toMatchObject({ isValid })
  })

  it('deleteToken removes that token alone, and the row with the last one', async () => {
    const { vault } = await start()
    const access = await vault.storeToken('t1', 'google', 'access_token', { value: 'at' })
    const refresh = await vault.storeToken('t1', 'google', 'refresh_token', { value: 'rt' })
    await vault.deleteToken(refresh)
    expect(await vault.getRefreshToken('t1', 'google')).toBe(null)
    expect(await vault.getAccessToken('t1', 'google')).toMatchObject({ token: 'at' })
    await vault.deleteToken(refresh)
    await vault.deleteToken(access)
    expect(await vault.getGrant({ tenantId: 't1', provider: 'google' })).toBe(null)
    await vault.deleteToken(access)
    await vault.markTokenInvalid(access, 'gone')
  })

  it('deleteProviderTokens removes all accounts and types of that tenant at that provider alone', async () => {
    const { vault } = await start()
    await vault.storeToken('t1', 'google', 'access_token', { value: '1', identifier: 'a' })
    await vault.storeToken('t1', 'google', 'api_key', { value: '2', identifier: 'b' })
    await vault.storeToken('t1', 'whatsapp', 'api_key', { value: '3' })
    await vault.storeToken('t2', 'google', 'api_key', { value: '4' })
    await vault.deleteProviderTokens('t1', 'google')
    const { grants } = await vault.listGrants()
    expect(grants.map(({ tenantId, provider }) => `${tenantId} ${provider}`).sort()).toEqual([
      't1 whatsapp',
      't2 google',
    ])
  })

  it('findExpiringTokens finds valid access tokens, the first to expire first, and opens none', async () => {
    const { vault, clock } = await start()
    const store = (tenantId: string, provider: 'google' | 'whatsapp', expiresAt: Date | null) =>
      vault.storeToken(tenantId, provider, 'access_token', { value: 'at', expiresAt })
    const second = await store('t1', 'google', inMinutes(clock, 9))
    const first = await store('t2', 'google', inMinutes(clock, 5))
    const other = await store('t2', 'whatsapp', inMinutes(clock, 8))
    await store('t3', 'google', inMinutes(clock, 11))
    await store('t4', 'google', null)
    await store('t5', 'google', inMinutes(clock, -1))
    await vault.markTokenInvalid(await store('t6', 'google', inMinutes(clock, 5)), 'invalid_token')
    await vault.storeToken('t7', 'google', 'api_key', { value: 'key', expiresAt: inMinutes(clock, 5) })
    const found = await vault.findExpiringTokens(10, 'google')
    expect(found.map(({ id }) => id)).toEqual([first, second])
    expect(found[0]).toEqual({
      id: first,
      tenantId: 't2',
      provider: 'google',
      tokenType: 'access_token',
      identifier: null,
      expiresAt: inMinutes(clock, 5),
      isValid: 'true',
      lastUsedAt: null,
    })
    expect((await vault.findExpiringTokens(10)).map(({ id }) => id)).toEqual([first, other, second])
  })

  it('calls by id do nothing to a token of another tenant than the one named', async () => {
    const { vault } = await start()
    const id = await vault.storeToken('t1', 'google', 'access_token', { value: 'at' })
    await vault.markTokenInvalid(id, 'invalid_token', { tenantId: 't2' })
    await vault.deleteToken(id, { tenantId: 't2' })
    expect(await vault.getToken('t1', 'google', 'access_token')).toMatchObject({ isValid: 'true' })
    await vault.deleteToken(id, { tenantId: 't1' })
    expect(await vault.getToken('t1', 'google', 'access_token')).toBe(null)
  })

  it.each<[string, (vault: TokenVaultService) => Promise<unknown>]>([
    ['a provider that is not of the app', (vault) => vault.getToken('t1', 'unknown', 'api_key')],
    ['a name that every object has', (vault) => vault.getToken('t1', 'constructor', 'api_key')],
    ['a type that is none', (vault) => vault.getToken('t1', 'google', 'password' as never)],
    ['no tenant', (vault) => vault.getToken('', 'google', 'api_key')],
    ['no value', (vault) => vault.storeToken('t1', 'google', 'api_key', { value: '' })],
    ['a bad expiry', (vault) => vault.storeToken('t1', 'google', 'api_key', { value: 'k', expiresAt: new Date('x') })],
    ['a long identifier', (vault) => vault.getToken('t1', 'google', 'api_key', 'x'.repeat(256))],
    ['a NUL in the identifier', (vault) => vault.getToken('t1', 'google', 'api_key', 'a\0')],
    ['half a character in the identifier', (vault) => vault.getToken('t1', 'google', 'api_key', '\ud800')],
    ['an id that is none', (vault) => vault.deleteToken('1')],
    ['an id of no type', (vault) => vault.markTokenInvalid(randomUUID(), 'x')],
    ['an id of another type', (vault) => vault.deleteToken(`${randomUUID()}:access_token:`)],
    ['a bad buffer', (vault) => vault.getAccessToken('t1', 'google', null, Number.NaN)],
    ['a bad duration', (vault) => vault.findExpiringTokens(Number.NaN)],
  ])('refuses %s', async (_, call) => {
    const { vault } = await start()
    await expect(call(vault as TokenVaultService)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
  })
})

describe.each(servers)('$database', ({ open }) => {
  it('forty writers of one account: every one succeeds', async () => {
    const { vault } = await newVault(await open())
    const writes = Array.from({ length: 40 }, (_, index) =>
      vault.storeToken('t1', 'google', index % 2 === 0 ? 'access_token' : 'refresh_token', { value: `${index}` }),
    )
    await Promise.all(writes)
    expect(await vault.getGrant({ tenantId: 't1', provider: 'google' })).toMatchObject({ version: expect.any(Number) })
  })
})
