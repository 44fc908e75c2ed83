/** Grants whole: put, get, list, count, revoke, delete. */
import type { Envelope } from '@waxseal/core'
import { getTableName, sql } from 'drizzle-orm'
import { describe, expect, it, vi } from 'vitest'
import { createTokenVault, type OpenGrant, type ProviderProfile } from '../../src/vault/index.ts'
import { databases } from '../support/databases.ts'
import { envelope, inMinutes, newVault } from './support/vaults.ts'

const google = { tenantId: 't1', provider: 'google' as const }

describe.each(databases)('$database', ({ open }) => {
  const start = async () => newVault(await open())

  it('putGrant stores everything, getGrant gives it back', async () => {
    const { vault, clock } = await start()
    const tokens = {
      access_token: { value: 'at', expiresAt: inMinutes(clock, 60) },
      refresh_token: { value: 'rt', expiresAt: inMinutes(clock, 6000) },
    }
    const scopes = ['openid', 'with space', 'quote"{},\\']
    const grant = await vault.putGrant({
      ...google,
      account: 'a',
      tokens,
      scopes,
      metadata: { calendar: "it's \\ 😀" },
    })
    expect(grant).toEqual({
      ...google,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      account: 'a',
      kind: 'oauth',
      status: 'ACTIVE',
      expiresAt: tokens.access_token.expiresAt,
      refreshExpiresAt: tokens.refresh_token.expiresAt,
      scopes,
      metadata: { calendar: "it's \\ 😀" },
      version: 1,
      failures: 0,
      ...{ inDoubtSince: null, retryAfter: null, lastErrorCode: null, lastError: null, lastUsedAt: null },
      lastRefreshedAt: null,
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
    })
    const opened = await vault.getGrant({ ...google, account: 'a' })
    expect(opened).toEqual({
      ...grant,
      tokens: {
        access_token: { ...tokens.access_token, valid: true },
        refresh_token: { ...tokens.refresh_token, valid: true },
      },
    })
    expect(Math.abs(opened!.createdAt.getTime() - Date.now())).toBeLessThan(60_000)
    expect(await vault.getGrant(google)).toBe(null)
    expect(await vault.getGrant({ ...google, account: 'a', kind: 'api_key' })).toBe(null)
  })

  it('what putGrant does not name stays; only another refresh token moves the version', async () => {
    const { vault } = await start()
    const put = (tokens: Parameters<typeof vault.putGrant>[0]['tokens'], rest = {}) =>
      vault.putGrant({ ...google, tokens, ...rest })
    await put(
      { access_token: { value: 'at' }, refresh_token: { value: 'rt' } },
      { scopes: ['a'], metadata: { calendar: 'c' } },
    )
    expect(await put({ access_token: { value: 'at-2' } })).toMatchObject({ version: 1, scopes: ['a'] })
    const grant = await vault.getGrant(google)
    expect(grant!.metadata.calendar).toBe('c')
    expect(grant!.tokens.refresh_token!.value).toBe('rt')
    expect(await put({ refresh_token: { value: 'rt-2' } })).toMatchObject({ version: 2 })
    expect((await vault.getGrant(google))!.tokens.access_token!.value).toBe('at-2')
    expect(await vault.setGrantMetadata(google, { calendar: 'other' })).toMatchObject({ version: 2 })
    expect(await vault.getGrant(google)).toMatchObject({ metadata: { calendar: 'other' }, scopes: ['a'] })
    expect(await vault.setGrantMetadata({ ...google, account: 'none' }, { calendar: '' })).toBe(null)
  })

  it('a new access token leaves a refresh under way alone, a new refresh token ends its lease', async () => {
    const { vault, table, db } = await start()
    const target = sql.identifier(getTableName(table))
    await vault.putGrant({ ...google, tokens: { access_token: { value: 'at' }, refresh_token: { value: 'rt' } } })
    const lease = sql`lease_owner = 'me', lease_until = now(), attempt_started_at = now(), in_doubt_since = now(), retry_after = now(), failures = 3`
    await db.execute(sql`update ${target} set ${lease}`)
    await vault.putGrant({ ...google, tokens: { access_token: { value: 'at-2' } } })
    const left = async () => (await db.select().from(table))[0]!
    expect(await left()).toMatchObject({ leaseOwner: 'me', failures: 3, attemptStartedAt: expect.any(Date) })
    await vault.putGrant({ ...google, tokens: { refresh_token: { value: 'rt-2' } } })
    expect(await left()).toMatchObject({
      ...{ leaseOwner: null, leaseUntil: null, attemptStartedAt: null, inDoubtSince: null, retryAfter: null },
      failures: 0,
      version: 2,
    })
  })

  it('listGrants gives pages by tenant, provider, status and expiry, and opens nothing', async () => {
    const { vault, clock } = await start()
    for (let index = 0; index < 7; index++) {
      await vault.putGrant({
        ...google,
        account: `${index}`,
        tokens: { access_token: { value: 'at', expiresAt: inMinutes(clock, index) } },
      })
    }
    await vault.putGrant({ tenantId: 't2', provider: 'whatsapp', tokens: { api_key: { value: 'key' } } })
    await vault.markTokenInvalid(await vault.storeToken('t2', 'voicenter', 'api_key', { value: 'key' }), 'x')
    const opens = envelope.stats().opens
    const accounts: string[] = []
    let cursor: string | undefined
    let pages = 0
    do {
      const page = await vault.listGrants({ provider: 'google', limit: 3, ...(cursor && { cursor }) })
      accounts.push(...page.grants.map(({ account }) => account))
      cursor = page.cursor
      pages++
    } while (cursor !== undefined)
    expect(accounts.sort()).toEqual(['0', '1', '2', '3', '4', '5', '6'])
    expect(pages).toBe(3)
    const list = async (query: Parameters<typeof vault.listGrants>[0]) => (await vault.listGrants(query)).grants
    expect(await list({})).toHaveLength(9)
    expect(await list({ tenantId: 't2' })).toHaveLength(2)
    expect(await list({ status: 'REAUTH_REQUIRED' })).toMatchObject([{ provider: 'voicenter' }])
    expect(
      (await list({ expiringBefore: inMinutes(clock, 2), provider: 'google' })).map(({ account }) => account).sort(),
    ).toEqual(['0', '1'])
    expect(await list({ tenantId: "t1' or true --" })).toEqual([])
    expect(await vault.countGrants()).toMatchObject({ ACTIVE: 8, REAUTH_REQUIRED: 1, REVOKED: 0 })
    expect(await vault.countGrants({ tenantId: 't2', provider: 'whatsapp' })).toMatchObject({
      ACTIVE: 1,
      REAUTH_REQUIRED: 0,
    })
    expect(envelope.stats().opens).toBe(opens)
    await vault.dispose()
    expect(JSON.stringify(await list({}))).not.toMatch(/encrypted|kid/)
  })

  describe('revokeGrant', () => {
    async function connected(revoke?: ProviderProfile['revoke']) {
      const { table, db } = await start()
      const vault = createTokenVault({ db, table, envelope, providers: { google: revoke ? { revoke } : {} } })
      await vault.putGrant({ ...google, tokens: { access_token: { value: 'at' }, refresh_token: { value: 'rt' } } })
      return { vault, row: async () => (await db.select().from(table))[0]! }
    }

    it('takes the grant out of use, tells the provider with the tokens, then erases them', async () => {
      const told: OpenGrant[] = []
      const { vault, row } = await connected(async (grant) => {
        told.push(grant)
        expect(await row()).toMatchObject({ status: 'REVOKING', version: 2, encryptedValue: expect.anything() })
        expect(await vault.getAccessToken('t1', 'google')).toBe(null)
        expect(await vault.getGrant(google)).toMatchObject({ status: 'REVOKING', tokens: {} })
      })
      expect(await vault.revokeGrant(google)).toMatchObject({ status: 'REVOKED', version: 2, expiresAt: null })
      expect(told).toMatchObject([{ tokens: { access_token: { value: 'at' }, refresh_token: { value: 'rt' } } }])
      expect(await row()).toMatchObject({ status: 'REVOKED', encryptedValue: null, kid: null })
      expect(await vault.getGrant(google)).toMatchObject({ status: 'REVOKED', tokens: {} })
      expect(await vault.revokeGrant(google)).toMatchObject({ status: 'REVOKED' })
      expect(told).toHaveLength(1)
      expect(await vault.revokeGrant({ ...google, account: 'none' })).toBe(null)
    })

    it('a provider that cannot be told leaves the tokens sealed for the next call, and says nothing of them', async () => {
      const revoke = vi.fn(async () => {
        throw Object.assign(new Error('503 for rt'), { body: 'rt' })
      })
      const { vault, row } = await connected(revoke)
      const error = await vault.revokeGrant(google).catch((reason) => reason)
      expect(error).toMatchObject({ code: 'ERR_WAXSEAL_GRANT_REVOCATION_FAILED', retryable: true })
      expect(error).not.toHaveProperty('cause')
      expect(error.message).toMatch(/unknown, HTTP 503$/)
      expect(await row()).toMatchObject({ status: 'REVOKING', encryptedValue: expect.anything() })
      revoke.mockResolvedValue(undefined as never)
      expect(await vault.revokeGrant(google)).toMatchObject({ status: 'REVOKED', version: 2 })
      expect(revoke).toHaveBeenCalledTimes(2)
    })

    it('a provider that never ends is left after ten seconds', async () => {
      let aborted = false
      let begun: () => void = () => {}
      const hasBegun = new Promise<void>((resolve) => {
        begun = resolve
      })
      const { vault } = await connected((_, { signal }) => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
        begun()
        return new Promise(() => {})
      })
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const outcome = vault.revokeGrant(google).catch((reason) => reason)
        await hasBegun
        vi.advanceTimersByTime(9_999)
        expect(aborted).toBe(false)
        vi.advanceTimersByTime(1)
        expect(await outcome).toMatchObject({ code: 'ERR_WAXSEAL_GRANT_REVOCATION_FAILED' })
        expect(aborted).toBe(true)
      } finally {
        vi.useRealTimers()
      }
    })

    it('a grant that the tenant connects again meanwhile starts anew and stays', async () => {
      const { vault } = await connected(async () => {
        await vault.storeToken('t1', 'google', 'access_token', { value: 'at-2' })
      })
      expect(await vault.revokeGrant(google)).toMatchObject({ status: 'ACTIVE', version: 3 })
      expect((await vault.getGrant(google))!.tokens).toMatchObject({ access_token: { value: 'at-2' } })
      expect(await vault.getRefreshToken('t1', 'google')).toBe(null)
    })

    it('without a hook it erases at once; stored again, the grant lives under the same id', async () => {
      const { vault } = await connected()
      const revoked = await vault.revokeGrant(google)
      expect(revoked).toMatchObject({ status: 'REVOKED' })
      const again = await vault.putGrant({ ...google, tokens: { access_token: { value: 'at-3' } } })
      expect(again).toMatchObject({ id: revoked!.id, status: 'ACTIVE', version: 3 })
      expect(await vault.getAccessToken('t1', 'google')).toMatchObject({ token: 'at-3' })
    })

    it('that comes between the read and the write of another call is not undone by it', async () => {
      const { table, db } = await start()
      let between: () => Promise<unknown> = async () => {}
      const sealing = envelope.with({ purpose: 'vault' })
      const sealJson = async (...args: Parameters<Envelope['sealJson']>) => {
        await between()
        return sealing.sealJson(...args)
      }
      const revoke = () => Promise.reject(new Error('not now'))
      const slow = { ...envelope, sealJson, openJson: sealing.openJson.bind(sealing), with: () => slow } as Envelope
      const vault = createTokenVault({ db, table, envelope: slow, providers: { google: { revoke } } })
      const id = await vault.storeToken('t1', 'google', 'access_token', { value: 'at' })
      between = () => vault.revokeGrant(google).catch(() => {})
      await vault.markTokenInvalid(id, 'invalid_token')
      expect(await vault.getGrant(google)).toMatchObject({ status: 'REVOKING', lastErrorCode: null })
    })
  })

  it('deleteGrant removes the row', async () => {
    const { vault } = await start()
    await vault.putGrant({ ...google, tokens: { access_token: { value: 'at' } } })
    expect(await vault.deleteGrant({ ...google, tenantId: 't2' })).toBe(false)
    expect(await vault.deleteGrant(google)).toBe(true)
    expect(await vault.getGrant(google)).toBe(null)
  })

  it.each<[string, object]>([
    ['no tokens', { tokens: {} }],
    ['tokens of two kinds', { tokens: { access_token: { value: 'a' }, api_key: { value: 'b' } } }],
    ['metadata that is no object', { metadata: ['x'] }],
    ['metadata with a NUL', { metadata: { calendar: 'a\0' } }],
    ['metadata with half a character as a name', { metadata: { '\udc00': 1 } }],
    ['metadata that is no JSON', { metadata: { calendar: 1n } }],
    ['scopes that are one text', { scopes: 'openid' }],
  ])('refuses %s before any call', async (_, change) => {
    const { vault } = await start()
    const input = { ...google, tokens: { access_token: { value: 'at' } }, ...change }
    await expect(vault.putGrant(input as never)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
    expect((await vault.countGrants()).ACTIVE).toBe(0)
  })

  it.each([{ limit: 0 }, { limit: 1001 }, { cursor: 'x' }, { status: 'active' }, { expiringBefore: new Date('x') }])(
    'refuses to list %o',
    async (query) => {
      const { vault } = await start()
      await expect(vault.listGrants(query as never)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
    },
  )

  it('refuses a tenant that is missing by mistake: without one, all tenants are meant', async () => {
    const { vault } = await start()
    const query = { tenantId: undefined } as never
    const refused = { code: 'ERR_WAXSEAL_ARGUMENT', message: expect.stringContaining('tenantId') }
    await expect(vault.listGrants(query)).rejects.toMatchObject(refused)
    await expect(vault.countGrants(query)).rejects.toMatchObject(refused)
  })
})
