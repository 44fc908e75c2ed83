/** What happens to a grant while the provider is being asked, and to the tokens that come back then. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { withTenant } from '../../src/vault/index.ts'
import { RefreshRows } from '../../src/vault/refresh/refresh-rows.ts'
import { databases, openNodePostgres, servers } from '../support/databases.ts'
import { codeOf, google, refreshing, times } from './support/refreshing.ts'
import type { StrictProvider, Twist } from './support/strict-provider.ts'

/** Lets the test act between request and answer. */
function interrupted(provider: StrictProvider, act: () => Promise<unknown>): void {
  const twist: Twist = async (rightAnswer) => {
    await act()
    return rightAnswer()
  }
  provider.next(twist)
}

describe.each(databases)('$database', ({ open }) => {
  it('connecting again during a refresh: the new grant stays, the late tokens are dropped', async () => {
    const { vault, provider, connect, tokens } = await refreshing(await open())
    await connect(60)
    let again = ''
    interrupted(provider, async () => {
      again = (await connect(3600)).refreshToken
    })
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: false })
    expect((await tokens()).refresh_token!.value).toBe(again)
    expect(provider.revoked).toEqual([])
  })

  it('revoking during a refresh: the provider is told of the late tokens too, and nothing comes back to life', async () => {
    const { vault, provider, connect, row } = await refreshing(await open())
    await connect(-1)
    interrupted(provider, () => vault.revokeGrant(google))
    expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
    expect(await row()).toMatchObject({ status: 'REVOKED', encryptedValue: null })
    expect(provider.revoked).toHaveLength(2)
    expect(provider.takes(provider.revoked[1])).toBe(true)
  })

  it('deleting during a refresh: likewise', async () => {
    const { vault, provider, connect, row } = await refreshing(await open())
    await connect(-1)
    interrupted(provider, () => vault.deleteGrant(google))
    expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_NOT_FOUND')
    expect(await row()).toBe(undefined)
    expect(provider.revoked).toHaveLength(1)
  })

  it('deleting and connecting again during a refresh: the provider is told nothing, which could end the new grant', async () => {
    const { vault, provider, connect } = await refreshing(await open())
    await connect(-1)
    interrupted(provider, async () => {
      await vault.deleteGrant(google)
      await connect(3600)
    })
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 1 })
    expect(provider.revoked).toEqual([])
  })

  it.each([
    ['metadata', (vault: Vault) => vault.setGrantMetadata(google, { calendar: 'b' })],
    ['a new access token', (vault: Vault) => vault.storeToken('t1', 'google', 'access_token', { value: 'at-own' })],
    ['a report of use', (vault: Vault) => vault.getGrant(google)],
    [
      'a mark on the access token',
      async (vault: Vault) => {
        const { id } = (await vault.getToken('t1', 'google', 'access_token'))!
        await vault.markTokenInvalid(id, 'invalid_token')
      },
    ],
  ])('%s during a refresh: the new refresh token is not lost', async (_, act) => {
    const { vault, provider, connect, row, tokens } = await refreshing(await open())
    await connect(-1)
    interrupted(provider, () => act(vault))
    const fresh = await vault.getFreshAccessToken(google)
    expect(fresh).toMatchObject({ version: 2, isStale: false })
    expect(provider.takes((await tokens()).refresh_token!.value)).toBe(true)
    expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2 })
  })

  it('deleting the refresh token during a refresh: no new one takes its place', async () => {
    const { vault, provider, connect, tokens } = await refreshing(await open())
    await connect(60)
    const { id } = (await vault.getToken('t1', 'google', 'refresh_token'))!
    interrupted(provider, () => vault.deleteToken(id))
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: true })
    expect((await tokens()).refresh_token).toBe(undefined)
  })
})

describe.each(servers)('$database', ({ open }) => {
  it('a slow holder whose lease was taken keeps the only valid token, and the other does no harm', async () => {
    const { vault, newVault, provider, connect, set, row, tokens } = await refreshing(await open())
    await connect(-1)
    let other: Promise<unknown> | undefined
    // The provider has rotated; before the answer is written, the lease ends and another spends the old refresh token.
    provider.next(async (rightAnswer) => {
      const answer = rightAnswer()
      await set(sql`lease_until = now()`)
      provider.next((_, signal) => {
        void signal
        throw Object.assign(new Error('refused'), { error: 'invalid_grant', status: 400 })
      })
      other = codeOf(newVault().getFreshAccessToken(google))
      await other
      expect(await row()).toMatchObject({ status: 'LOST_ROTATION', version: 1 })
      return answer
    })
    const fresh = await vault.getFreshAccessToken(google)
    expect(fresh).toMatchObject({ version: 2, isStale: false })
    expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2 })
    expect(provider.takes((await tokens()).refresh_token!.value)).toBe(true)
    expect(await other).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
  })
})

type Vault = Awaited<ReturnType<typeof refreshing>>['vault']

it.each(['repeatable read', 'serializable'])('connections that default to %s: one call, all served', async (level) => {
  const { db, close } = openNodePostgres(inject('postgres'), { default_transaction_isolation: level })
  const { newVault, provider, connect } = await refreshing(db)
  provider.delay = 50
  await connect(-1)
  const vaults = [newVault(), newVault(), newVault(), newVault()]
  const all = await times(40, (index) => vaults[index % 4]!.getFreshAccessToken(google))
  expect(provider.calls).toBe(1)
  expect(new Set(all.map(({ version }) => version))).toEqual(new Set([2]))
  await close()
})

it('a pool of one connection is enough, and is free while the provider is asked', async () => {
  const { db, close } = openNodePostgres(inject('postgres'), {}, { max: 1 })
  const { vault, provider, connect } = await refreshing(db)
  await connect(-1)
  let answered: unknown
  interrupted(provider, async () => {
    answered = await db.execute(sql`select 1 as one`)
  })
  const all = await times(10, () => vault.getFreshAccessToken(google))
  expect(new Set(all.map(({ version }) => version))).toEqual(new Set([2]))
  expect(answered).toMatchObject({ rows: [{ one: 1 }] })
  expect(provider.calls).toBe(1)
  await close()
})

/** Holds back what the first of such statements brings until it is let go. */
function heldBack(method: 'find' | 'commit') {
  let letGo = () => {}
  const gate = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const run = RefreshRows.prototype[method] as (...args: unknown[]) => Promise<unknown>
  let runs = 0
  let answered = 0
  const spy = vi.spyOn(RefreshRows.prototype, method).mockImplementation(async function (
    this: RefreshRows,
    ...args: unknown[]
  ) {
    const isFirst = runs++ === 0
    const brought = await run.apply(this, args)
    answered++
    if (isFirst) await gate
    return brought as never
  })
  onTestFinished(() => {
    letGo()
    spy.mockRestore()
  })
  return { letGo, answered: () => answered, runs: () => runs }
}

describe('after a write of his own a caller is served nothing older, whatever others wait for', () => {
  it.each([
    ['revokeGrant', (vault: Vault) => vault.revokeGrant(google), 'ERR_WAXSEAL_GRANT_REAUTH_REQUIRED'],
    ['deleteGrant', (vault: Vault) => vault.deleteGrant(google), 'ERR_WAXSEAL_GRANT_NOT_FOUND'],
  ])('%s, while the look of another call is on its way', async (_, write, code) => {
    const { vault, connect, set } = await refreshing(await servers[0]!.open())
    const { accessToken } = await connect(60)
    // The old token will do.
    await set(sql`lease_owner = 'x', lease_until = now() + interval '1 minute'`)
    const look = heldBack('find')
    const other = vault.getFreshAccessToken(google)
    await expect.poll(look.answered).toBe(1)
    await write(vault)
    const own = codeOf(vault.getFreshAccessToken(google))
    await expect.poll(look.answered).toBe(2)
    look.letGo()
    expect(await own).toBe(code)
    expect(await other).toMatchObject({ accessToken })
  })

  it('putGrant, while a refresh from before is on its way back', async () => {
    const { vault, provider, connect } = await refreshing(await servers[0]!.open())
    await connect(-1)
    const commit = heldBack('commit')
    const other = vault.getFreshAccessToken(google)
    await expect.poll(commit.answered).toBe(1)
    await connect(-1)
    const own = vault.getFreshAccessToken(google)
    await sleep(100)
    commit.letGo()
    expect(await own).toMatchObject({ version: 4, isStale: false })
    expect(await other).toMatchObject({ version: 2 })
    expect(provider.calls).toBe(2)
  })
})

it('a crowd takes one look at a grant, and claims it once', async () => {
  const { vault, connect } = await refreshing(await servers[0]!.open())
  await connect(-1)
  const look = heldBack('find')
  look.letGo()
  await times(25, () => vault.getFreshAccessToken(google))
  expect(look.runs()).toBe(1)
})

it.each(['inside', 'outside'])('a call inside withTenant is refused and fails no other: first %s', async (first) => {
  const { db, close } = openNodePostgres(inject('postgres'), {}, { max: 2 })
  const { vault, connect } = await refreshing(db)
  await connect(3600)
  let begin = () => {}
  const turn = new Promise<void>((resolve) => {
    begin = resolve
  })
  const report = () => vault.reportUnauthorized(google, 1)
  const outside = turn.then(report)
  const inside = withTenant(db, 't1', async () => {
    const call = first === 'inside' ? report() : undefined
    begin()
    await turn
    return call ?? report()
  })
  await expect(inside).rejects.toThrow(/inside withTenant/)
  expect(await outside).toMatchObject({ version: 2 })
  await close()
})

it('the provider is asked outside of what surrounds the caller, for whom others wait too', async () => {
  const { vault, provider, connect } = await refreshing(await servers[0]!.open())
  await connect(-1)
  const request = new AsyncLocalStorage<string>()
  let around: string | undefined = 'not asked'
  provider.next((rightAnswer) => {
    around = request.getStore()
    return rightAnswer()
  })
  await request.run('a request', () => vault.getFreshAccessToken(google))
  expect(around).toBe(undefined)
})
