import type { Grant, GrantStatus } from '@waxseal/drizzle'
import { describe, expect, test } from 'vitest'
import { renderVaultPage, type VaultView } from '../src/index.ts'

const counts = { ACTIVE: 2, REVOKED: 1, EXPIRED: 0 } as Record<GrantStatus, number>

function grantOf(part: Partial<Grant>): Grant {
  const now = new Date()
  return {
    id: '7f6c1c5e-9d3c-4b8e-8a55-0c1f5a6f9f10',
    tenantId: 't',
    provider: 'google',
    account: 'shop@example.com',
    kind: 'oauth',
    status: 'ACTIVE',
    expiresAt: new Date(now.getTime() + 60_000),
    refreshExpiresAt: null,
    scopes: [],
    metadata: {},
    version: 3,
    inDoubtSince: null,
    retryAfter: null,
    failures: 0,
    lastErrorCode: null,
    lastError: null,
    lastUsedAt: null,
    lastRefreshedAt: null,
    createdAt: now,
    updatedAt: now,
    ...part,
  }
}

function pageOf(grants: readonly Grant[], more: Partial<VaultView> = {}): string {
  const tenants = [
    { id: 't', name: 'Bakery' },
    { id: 'u', name: 'Garage' },
  ]
  return renderVaultPage({ email: 'ada@example.com', tenants, tenantId: 't', grants, counts, localApi: true, ...more })
}

describe('the page of the vault', () => {
  test('leads in who is signed out, without a word of grants', () => {
    const page = renderVaultPage(undefined)
    expect(page).toContain('href="/auth/login"')
    expect(page).not.toContain('/grants/')
  })

  test('escapes what a provider and a user named', () => {
    const evil = '"><script>alert(1)</script>'
    const page = pageOf([grantOf({ account: evil, lastError: evil })], { notice: { good: false, text: evil } })
    expect(page).not.toContain('<script>alert')
    expect(page).toContain('data-good="false"')
  })

  test('shows health, expiry and version, and offers what can be done', () => {
    const page = pageOf([grantOf({})])
    expect(page).toContain('2 ACTIVE')
    expect(page).not.toContain('0 EXPIRED')
    expect(page).toMatch(/ends in <time data-until="\d+">(59|60) seconds/)
    expect(page).toContain('data-version="3"')
    for (const action of ['refresh', 'burst', 'revoke']) expect(page).toContain(`action="/grants/${action}"`)
  })

  test('has a report wait for a token that is less than a minute old, and no longer', () => {
    const disabled = /<button disabled data-from="\d+"/
    expect(pageOf([grantOf({ lastRefreshedAt: new Date() })])).toMatch(disabled)
    expect(pageOf([grantOf({ lastRefreshedAt: new Date(Date.now() - 61_000) })])).not.toMatch(disabled)
  })

  test('offers no refresh of a key, nothing at all for what is revoked, no failing calls of a real API', () => {
    const key = pageOf([grantOf({ kind: 'api_key', provider: 'voicenter', account: '', expiresAt: null })])
    expect(key).toContain('not known to expire')
    expect(key).not.toContain('/grants/refresh')
    expect(pageOf([grantOf({ status: 'REVOKED' })])).not.toContain('/grants/')
    expect(pageOf([grantOf({})], { localApi: false })).not.toContain('/grants/burst')
  })

  test('lists what is in use before what is revoked', () => {
    const page = pageOf([grantOf({ account: 'gone', status: 'REVOKED' }), grantOf({ account: 'here' })])
    expect(page.indexOf('>here')).toBeLessThan(page.indexOf('>gone'))
  })
})
