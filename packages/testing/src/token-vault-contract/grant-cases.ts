import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import { acme, codeOf, grantOf, inSeconds, type SetUp } from './set-up.ts'
import type { GrantUnderTest } from './vault-under-test.ts'

/** Names in which a careless statement or separator would show. */
const HOSTILE = [
  "o'brien",
  `"; drop table x; --`,
  '$1',
  'a:b',
  'a\\b',
  'a%_b',
  'a\nb',
  ' ',
  'NULL',
  'é\u0301',
  '🦭'.repeat(100),
  '__proto__',
  '\u202e',
]

/** Grants as a whole: what is stored, listed, revoked and deleted. */
export function grantCases(it: TestRunner['it'], setUp: SetUp): void {
  it('keeps the refresh token where a user connects again and the provider sends none', async () => {
    const { vault, connect } = await setUp()
    const { refreshToken } = await connect(3600)
    await vault.putGrant({ ...acme, tokens: { access_token: { value: 'second' } } })
    const { tokens } = await grantOf(vault)
    assert.deepEqual([tokens.access_token?.value, tokens.refresh_token?.value], ['second', refreshToken])
  })

  it('moves the version with the refresh token and with nothing else', async () => {
    const { vault, connect } = await setUp()
    await connect(3600)
    const { version } = await grantOf(vault)
    await vault.putGrant({ ...acme, tokens: { access_token: { value: 'second', expiresAt: inSeconds(60) } } })
    await vault.setGrantMetadata(acme, { calendar: 'primary' })
    assert.equal((await grantOf(vault)).version, version)
    await connect(3600)
    assert.ok((await grantOf(vault)).version > version)
  })

  it('changes metadata and nothing else', async () => {
    const { vault, connect } = await setUp()
    await connect(3600)
    const { tokens } = await grantOf(vault)
    await vault.setGrantMetadata(acme, { calendar: 'primary' })
    const changed = await grantOf(vault)
    assert.deepEqual([changed.metadata, changed.tokens], [{ calendar: 'primary' }, tokens])
    assert.equal(await vault.setGrantMetadata({ ...acme, account: 'nobody' }, {}), null)
  })

  it('lists all grants in pages, each once, by status, and counts them', async () => {
    const { vault, connect } = await setUp()
    const accounts = ['1', '2', '3', '4', '5']
    for (const account of accounts) await connect(3600, { ...acme, account })
    await connect(3600, { ...acme, tenantId: 'another' })
    await vault.revokeGrant({ ...acme, account: '3' })
    const pages: GrantUnderTest[] = []
    let cursor: string | undefined
    do {
      const query = { tenantId: 'tenant', limit: 2, ...(cursor !== undefined && { cursor }) }
      const page = await vault.listGrants(query)
      pages.push(...page.grants)
      cursor = page.cursor
    } while (cursor !== undefined)
    assert.deepEqual(pages.map(({ account }) => account).sort(), accounts)
    const { grants } = await vault.listGrants({ status: 'REVOKED' })
    assert.deepEqual(
      grants.map(({ account }) => account),
      ['3'],
    )
    const { ACTIVE, REVOKED } = await vault.countGrants({ tenantId: 'tenant' })
    assert.deepEqual([ACTIVE, REVOKED], [4, 1])
  })

  it('revokes: the provider is told, the tokens are gone, and storing makes the grant anew', async () => {
    const { vault, provider, connect } = await setUp()
    const { refreshToken } = await connect(3600)
    assert.equal((await vault.revokeGrant(acme))?.status, 'REVOKED')
    assert.equal(provider.isSpendable(refreshToken), false)
    assert.deepEqual((await grantOf(vault)).tokens, {})
    assert.equal(await vault.getRefreshToken('tenant', 'acme'), null)
    assert.equal(await codeOf(vault.getFreshAccessToken(acme)), 'ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
    const { accessToken } = await connect(3600)
    assert.equal((await vault.getFreshAccessToken(acme)).accessToken, accessToken)
  })

  it('deletes a grant', async () => {
    const { vault, connect } = await setUp()
    await connect(3600)
    assert.equal(await vault.deleteGrant(acme), true)
    assert.equal(await vault.getGrant(acme), null)
    assert.equal(await vault.deleteGrant(acme), false)
    assert.equal(await codeOf(vault.getFreshAccessToken(acme)), 'ERR_WAXSEAL_GRANT_NOT_FOUND')
  })

  it('keeps tenants and accounts apart whatever they are called', async () => {
    const { vault } = await setUp()
    const selectors = HOSTILE.flatMap((name) => [
      { ...acme, tenantId: name },
      { ...acme, account: name },
    ])
    for (const [index, selector] of selectors.entries()) {
      await vault.putGrant({ ...selector, tokens: { access_token: { value: `${index}` } } })
    }
    for (const [index, selector] of selectors.entries()) {
      const { tenantId, account, tokens } = await grantOf(vault, selector)
      assert.deepEqual(
        [tenantId, account, tokens.access_token?.value],
        [selector.tenantId, selector.account ?? '', `${index}`],
      )
    }
  })
}
