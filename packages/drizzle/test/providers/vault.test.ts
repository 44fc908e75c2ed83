// The profiles in the vault: what they say of an answer is what its rows say of the grant.
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createTokenVault, createTokenVaultTable, type ProviderProfile, tokenVaultSql } from '../../src/index.ts'
import { githubAt } from '../../src/providers/github.ts'
import { oauthProvider } from '../../src/providers/index.ts'
import { servers } from '../support/databases.ts'
import { envelope, run } from '../vault/support/vaults.ts'
import { app } from './support/ask.ts'
import { startOpenIdProvider } from './support/openid-provider.ts'
import { json, startServer } from './support/provider-server.ts'

const acme = { tenantId: 't1', provider: 'acme' as const }

/** A vault with one grant, whose access token has expired. */
async function connected(profile: ProviderProfile, refreshToken: string) {
  const db = await servers[0]!.open()
  const table = createTokenVaultTable({ name: `vault_${randomUUID()}` })
  await run(db, tokenVaultSql(table))
  const vault = createTokenVault({ db, table, envelope, providers: { acme: profile } })
  const expired = { value: 'at1', expiresAt: new Date(Date.now() - 1000) }
  await vault.putGrant({ ...acme, tokens: { access_token: expired, refresh_token: { value: refreshToken } } })
  const row = async () => (await db.select().from(table))[0]
  return { vault, row }
}

describe('a grant at a real provider that rotates', () => {
  it('is refreshed once for twenty callers, and revoked', async () => {
    const { issuer, issue, asked, isActive } = await startOpenIdProvider()
    const { vault, row } = await connected(oauthProvider({ issuer, ...app }), await issue())
    const fresh = await Promise.all(Array.from({ length: 20 }, () => vault.getFreshAccessToken(acme)))
    const [{ accessToken, version } = { accessToken: '', version: 0 }] = fresh
    expect(new Set(fresh.map((token) => token.accessToken))).toEqual(new Set([accessToken]))
    expect(await isActive(accessToken)).toBe(true)
    expect(asked.filter((path) => path === '/token')).toHaveLength(1)
    expect(version).toBe(2)

    await vault.revokeGrant(acme)
    expect(await isActive(accessToken)).toBe(false)
    expect(await row()).toMatchObject({ status: 'REVOKED', encryptedValue: null })
  })
})

describe('a refresh that fails', () => {
  it('leaves nothing in doubt where the provider was not reached', async () => {
    const { vault, row } = await connected(oauthProvider({ tokenEndpoint: 'https://nowhere.invalid/', ...app }), 'rt1')
    await expect(vault.getFreshAccessToken(acme)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_GRANT_REFRESH_FAILED' })
    expect(await row()).toMatchObject({ status: 'REFRESH_FAILED', attemptStartedAt: null, inDoubtSince: null })
  })

  it('leaves it in doubt where the answer cannot be read', async () => {
    const { url } = await startServer((_, response) => void response.writeHead(200).end('<html>'))
    const { vault, row } = await connected(oauthProvider({ tokenEndpoint: url, ...app }), 'rt1')
    await expect(vault.getFreshAccessToken(acme)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_GRANT_REFRESH_FAILED' })
    expect(await row()).toMatchObject({ status: 'REFRESH_FAILED', attemptStartedAt: expect.anything() })
  })

  it.each([
    ['bad_refresh_token', 'REAUTH_REQUIRED'],
    ['incorrect_client_credentials', 'CONFIG_ERROR'],
  ])('is understood from GitHub with HTTP 200: %s', async (error, status) => {
    const { url } = await startServer((_, response) => json(response, 200, { error }))
    const { vault, row } = await connected(githubAt({ tokenEndpoint: url, grantEndpoint: url }, app), 'rt1')
    await expect(vault.getFreshAccessToken(acme)).rejects.toThrow()
    expect(await row()).toMatchObject({ status, attemptStartedAt: null })
  })
})
