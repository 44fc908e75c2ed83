import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { appearsIn } from '../appears-in.ts'
import type { TestRunner } from '../test-runner.ts'
import { acme, codeOf, EXPIRED, inSeconds, type SetUp } from './set-up.ts'
import type { SelectorUnderTest } from './vault-under-test.ts'

const INTEGRITY = 'ERR_WAXSEAL_INTEGRITY'

/** What can be read from a table or an error, and what can be done to a table. */
export function secrecyCases(it: TestRunner['it'], setUp: SetUp): void {
  it('has no token in its table or its errors, also after providers have quoted them', async () => {
    const { vault, rawRows, provider, connect } = await setUp()
    const seen: unknown[] = []
    const look = async () => seen.push(await rawRows())
    const fails = async (call: Promise<unknown>) => {
      const error: unknown = await call.then(
        () => assert.fail('it did not fail'),
        (reason: unknown) => reason,
      )
      seen.push(inspect(error, { depth: 8, showHidden: true }), JSON.stringify(error))
    }
    const first = await connect(EXPIRED)
    const secrets = [first.accessToken, first.refreshToken]
    await look()
    provider.next({ error: 'server_error', status: 500, retryAfterSeconds: 3600 })
    await fails(vault.getFreshAccessToken(acme))
    await look()
    const second = await connect(EXPIRED, { ...acme, account: 'second' })
    provider.next('no answer')
    await fails(vault.getFreshAccessToken({ ...acme, account: 'second' }))
    const third = await connect(EXPIRED, { ...acme, account: 'third' })
    provider.disconnect(third.refreshToken)
    await fails(vault.getFreshAccessToken({ ...acme, account: 'third' }))
    const fourth = await connect(EXPIRED, { ...acme, account: 'fourth' })
    const fresh = await vault.getFreshAccessToken({ ...acme, account: 'fourth' })
    const key = 'an-api-key-of-some-length'
    const id = await vault.storeToken('tenant', 'acme', 'api_key', { value: key })
    await vault.markTokenInvalid(id, new Error(`HTTP 401: the key ${key} is refused`), { tenantId: 'tenant' })
    await fails(vault.storeToken('tenant', 'acme', 'api_key', { value: key, expiresAt: new Date('never') }))
    await fails(vault.deleteToken(key, { tenantId: 'tenant' }))
    await look()

    for (const { accessToken, refreshToken } of [second, third, fourth]) secrets.push(accessToken, refreshToken)
    for (const secret of [...secrets, fresh.accessToken, key]) {
      assert.ok(!appearsIn(seen, secret), 'a token can be read in the table or in an error')
    }
  })

  it('opens no tokens in the place of others, whichever name tells the two apart', async () => {
    const others: SelectorUnderTest[] = [
      { ...acme, tenantId: 'another' },
      { ...acme, provider: 'other' },
      { ...acme, account: 'another' },
    ]
    for (const other of others) {
      const { vault, reopen, swapTokens, connect } = await setUp()
      await connect(3600)
      await connect(3600, other)
      await swapTokens(acme, other)
      for (const reader of [vault, await reopen()]) {
        for (const selector of [acme, other]) {
          assert.equal(await codeOf(reader.getGrant(selector)), INTEGRITY)
          assert.equal(await codeOf(reader.getFreshAccessToken(selector)), INTEGRITY)
          const { tenantId, provider, account } = { account: '', ...selector }
          assert.equal(await codeOf(reader.getToken(tenantId, provider, 'refresh_token', account)), INTEGRITY)
        }
      }
    }
  })

  it('mends a grant that does not open, once all its tokens are stored anew', async () => {
    const { vault, swapTokens, connect } = await setUp()
    await connect(3600)
    await connect(3600, { ...acme, account: 'another' })
    await swapTokens(acme, { ...acme, account: 'another' })
    const tokens = { access_token: { value: 'at', expiresAt: inSeconds(3600) }, refresh_token: { value: 'rt' } }
    await vault.putGrant({ ...acme, tokens })
    assert.equal((await vault.getFreshAccessToken(acme)).accessToken, 'at')
  })
}
