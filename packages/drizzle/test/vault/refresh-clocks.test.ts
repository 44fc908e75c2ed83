/** Refreshes where time goes by in the wrong place: behind a lock, on the way back from the database, by clocks that disagree. */
import { fakeClock } from '@waxseal/testing'
import { getTableName, sql } from 'drizzle-orm'
import { describe, expect, inject, it } from 'vitest'
import { openNodePostgres, servers } from '../support/databases.ts'
import { codeOf, google, refreshing } from './support/refreshing.ts'
import { lostAnswer } from './support/strict-provider.ts'

describe.each(servers)('$database', ({ open }) => {
  it('claims that have waited for a lock see the lease that one of them got', async () => {
    const db = await open()
    // The longest there is: a usual one comes to that behind an update of two minutes.
    const { vault, newVault, provider, connect, table, tokens } = await refreshing(db, { refreshTimeoutSeconds: 120 })
    provider.delay = 200
    await connect(-1)
    const name = `%${getTableName(table)}%`
    const waiting = sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like ${name}`
    const calls = await db.transaction(async (tx) => {
      await tx.execute(sql`update ${table} set last_used_at = now()`)
      const both = [vault.getFreshAccessToken(google), newVault().getFreshAccessToken(google)]
      await expect.poll(() => db.$count(sql`(${waiting}) as waiting`)).toBe(2)
      return both
    })
    for (const fresh of await Promise.all(calls)) expect(fresh).toMatchObject({ version: 2 })
    expect(provider.calls).toBe(1)
    expect(provider.takes((await tokens()).refresh_token?.value)).toBe(true)
  })

  it('a sweep lets a grant alone whose refresh this process is still at, whatever became of the lease', async () => {
    const { vault, provider, connect, set, tokens } = await refreshing(await open())
    await connect(-1)
    provider.next(async (rightAnswer) => {
      const answer = rightAnswer()
      await set(sql`lease_until = now()`)
      expect(await vault.refreshSweep()).toEqual({ refreshed: 0, failed: 0, lost: 1 })
      return answer
    })
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2 })
    expect(provider.calls).toBe(1)
    expect(provider.takes((await tokens()).refresh_token?.value)).toBe(true)
  })

  it('"refresh now" spends no refresh token that is in doubt while the access token runs', async () => {
    const { vault, provider, connect, set } = await refreshing(await open())
    const { accessToken } = await connect(60)
    provider.next(lostAnswer)
    await vault.getFreshAccessToken(google)
    await set(sql`retry_after = null`)
    expect(await vault.refreshGrant(google)).toMatchObject({ accessToken, version: 1, isStale: true })
    expect(provider.calls).toBe(1)
    await set(sql`expires_at = now()`)
    expect(await codeOf(vault.refreshGrant(google))).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
    expect(provider.calls).toBe(2)
  })

  it.each([
    ['of a process that is ahead', sql`expires_at = now() + interval '1 hour'`],
    ['that is lost', sql`expires_at = null`],
  ])('an expiry %s keeps no token from being refreshed that is over by what is sealed', async (_, expiry) => {
    const { vault, provider, connect, set } = await refreshing(await open())
    await connect(-1)
    await set(expiry)
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: false })
    expect(provider.calls).toBe(1)
  })
})

it('a claim whose acknowledgement took longer than its lease allows is given back', async () => {
  const { db, close } = openNodePostgres(inject('postgres'))
  const clock = fakeClock()
  const { vault, provider, connect, row } = await refreshing(db, {}, { clock })
  await connect(60)
  const pool = (db as unknown as { $client: { query(...args: unknown[]): Promise<unknown> } }).$client
  const query = pool.query.bind(pool)
  let claims = 0
  pool.query = async (...args) => {
    const result = await query(...args)
    if (!JSON.stringify(args[0]).includes('\\"in_doubt_since\\" = coalesce')) return result
    if (++claims === 1) clock.advanceSeconds(6)
    return result
  }
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2 })
  expect(claims).toBe(2)
  expect(provider.calls).toBe(1)
  expect(await row()).toMatchObject({ status: 'ACTIVE', inDoubtSince: null })
  await close()
})
