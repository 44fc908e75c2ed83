/** A refresh whose end nobody knows: when the refresh token may be spent again, and what an invalid_grant means then. */
import { sql } from 'drizzle-orm'
import { expect, it } from 'vitest'
import { databases } from '../support/databases.ts'
import { codeOf, google, refreshing } from './support/refreshing.ts'
import { lostAnswer, refusal, type Twist } from './support/strict-provider.ts'

const { open } = databases.at(-1)!
const goOn = sql`retry_after = null`
const silence: Twist = () => {
  throw new TypeError('fetch failed')
}

it('a provider that does not rotate is asked again at once, and an invalid_grant is no lost rotation', async () => {
  const { vault, provider, connect, set, row } = await refreshing(await open(), { rotates: false })
  await connect(60)
  provider.next(silence, silence)
  await vault.getFreshAccessToken(google)
  await set(goOn)
  await vault.getFreshAccessToken(google)
  expect(provider.calls).toBe(2)
  expect(await row()).toMatchObject({ inDoubtSince: expect.any(Date), attemptStartedAt: expect.any(Date) })
  provider.next(refusal(400, 'invalid_grant'))
  await set(goOn)
  await vault.getFreshAccessToken(google)
  expect(await row()).toMatchObject({ status: 'REAUTH_REQUIRED' })
})

it('within the grace of the provider it is asked once more, and not a third time', async () => {
  const { vault, provider, connect, set, row } = await refreshing(await open(), { graceSeconds: 60 })
  const { accessToken } = await connect(60)
  provider.next(silence, silence)
  for (const calls of [1, 2, 2]) {
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, isStale: true })
    expect(provider.calls).toBe(calls)
    await set(goOn)
  }
  expect(await row()).toMatchObject({ status: 'REFRESH_FAILED', failures: 2 })
})

it('after the grace it is not asked while the old access token runs', async () => {
  const { vault, provider, connect, set } = await refreshing(await open(), { graceSeconds: 60 })
  await connect(60)
  provider.next(silence)
  await vault.getFreshAccessToken(google)
  await set(sql`retry_after = null, attempt_started_at = now() - interval '61 seconds'`)
  await vault.getFreshAccessToken(google)
  expect(provider.calls).toBe(1)
})

it('a grant that turns out to be alive is in doubt no more', async () => {
  const { vault, provider, connect, set, row } = await refreshing(await open(), { graceSeconds: 60 })
  await connect(60)
  provider.next(silence)
  await vault.getFreshAccessToken(google)
  await set(goOn)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: false })
  expect(await row()).toMatchObject({ status: 'ACTIVE', attemptStartedAt: null, inDoubtSince: null })
})

it('an answer ends the doubt about its own attempt, not about the one before', async () => {
  const { vault, provider, connect, set, row } = await refreshing(await open(), { graceSeconds: 60 })
  await connect(60)
  provider.next(lostAnswer, refusal(429))
  await vault.getFreshAccessToken(google)
  const first = (await row()).attemptStartedAt
  await set(goOn)
  await vault.getFreshAccessToken(google)
  // It spent nothing, so the one retry within the grace is still to come.
  expect(await row()).toMatchObject({ inDoubtSince: null, attemptStartedAt: first })
  await set(goOn)
  await vault.getFreshAccessToken(google)
  expect(provider.calls).toBe(3)
  expect(await row()).toMatchObject({ status: 'LOST_ROTATION' })
})

it('a token that is refused counts as expired: in doubt too, the provider is asked', async () => {
  const { vault, provider, connect, set, row } = await refreshing(await open())
  await connect(60)
  provider.next(lostAnswer)
  await vault.getFreshAccessToken(google)
  await set(goOn)
  expect(await codeOf(vault.reportUnauthorized(google, 1))).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
  expect(provider.calls).toBe(2)
  expect(await row()).toMatchObject({ status: 'LOST_ROTATION' })
})

it('connecting again ends all doubt', async () => {
  const { vault, provider, connect, row } = await refreshing(await open())
  await connect(60)
  provider.next(lostAnswer)
  await vault.getFreshAccessToken(google)
  await connect(60)
  expect(await row()).toMatchObject({ status: 'ACTIVE', attemptStartedAt: null, inDoubtSince: null, retryAfter: null })
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 3, isStale: false })
})

it.each([
  ['a lease', sql`lease_owner = 'x', lease_until = now() + interval '1 day'`],
  ['a pause', sql`retry_after = now() + interval '1 day'`],
])('a clock that was set back strands nobody behind %s', async (_, ahead) => {
  const { vault, connect, set } = await refreshing(await open())
  await connect(60)
  await set(ahead)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2 })
})

it('a lease that is over is another’s to take; what its holder did is in doubt', async () => {
  const { vault, provider, connect, set } = await refreshing(await open())
  const { accessToken } = await connect(60)
  await set(sql`lease_owner = 'x', lease_until = now() - interval '1 s', attempt_started_at = now() - interval '20 s'`)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, isStale: true })
  expect(provider.calls).toBe(0)
  await set(sql`expires_at = now()`)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2 })
})

it('a holder that never comes back is waited for so long, and the error says that it can be repeated', async () => {
  const { vault, connect, set } = await refreshing(await open(), { refreshTimeoutSeconds: 0.01 })
  await connect(-1)
  await set(sql`lease_owner = 'x', lease_until = now() + interval '1 minute'`)
  const started = performance.now()
  await expect(vault.getFreshAccessToken(google)).rejects.toMatchObject({
    ...{ code: 'ERR_WAXSEAL_GRANT_REFRESH_PENDING', retryable: true },
  })
  expect(performance.now() - started).toBeGreaterThan(4900)
})

it('a signal ends the wait of one caller, and nothing else', async () => {
  const { vault, provider, connect } = await refreshing(await open())
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  provider.next(async (rightAnswer) => {
    await answered
    return rightAnswer()
  })
  await connect(-1)
  const controller = new AbortController()
  const given = vault.getFreshAccessToken(google, { signal: controller.signal })
  const patient = vault.getFreshAccessToken(google)
  await expect.poll(() => provider.calls).toBe(1)
  controller.abort(new Error('gone'))
  await expect(given).rejects.toThrow('gone')
  answer()
  expect(await patient).toMatchObject({ version: 2 })
  await expect(vault.getFreshAccessToken(google, { signal: AbortSignal.abort(new Error('at once')) })).rejects.toThrow(
    'at once',
  )
  expect(provider.calls).toBe(1)
})
