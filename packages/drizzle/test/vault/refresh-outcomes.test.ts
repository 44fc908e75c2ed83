/** What each answer of a provider does to the grant: the outcomes by name. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { ProviderError, type TokenResponse } from '../../src/vault/index.ts'
import { databases } from '../support/databases.ts'
import { codeOf, google, refreshing } from './support/refreshing.ts'
import { refusal, type Twist } from './support/strict-provider.ts'

const { open } = databases.at(-1)!
const start = async (...args: Parameters<typeof refreshing> extends [unknown, ...infer Rest] ? Rest : never) =>
  refreshing(await open(), ...args)

/** Seconds from now. */
const inSeconds = (date: Date | null) => ((date?.getTime() ?? Number.NaN) - Date.now()) / 1000
const expired = sql`expires_at = now() - interval '1 minute', last_refreshed_at = null`

describe('an answer that lacks', () => {
  it('refresh_token: the one that was spent stays', async () => {
    const { vault, provider, connect, tokens } = await start()
    provider.answer = { refresh_token: undefined }
    const { refreshToken } = await connect()
    await vault.getFreshAccessToken(google)
    expect((await tokens()).refresh_token).toEqual({ value: refreshToken, expiresAt: null, valid: true })
  })

  it('expires_in: the lifetime before, else that of the profile, else none that is known, never "for ever"', async () => {
    const { vault, provider, connect, set, row } = await start({ defaultLifetimeSeconds: 1800 })
    provider.answer = { expires_in: undefined }
    await connect()
    expect(inSeconds((await vault.getFreshAccessToken(google)).expiresAt)).toBeCloseTo(1800, -2)
    for (const answered of [7200, undefined]) {
      provider.answer = { expires_in: answered }
      await set(sql`last_refreshed_at = null`)
      expect(inSeconds((await vault.refreshGrant(google)).expiresAt)).toBeCloseTo(7200, -2)
    }
    expect(inSeconds((await row()).expiresAt)).toBeCloseTo(7200, -2)
  })

  it('any lifetime at all: it is refreshed once it is reported', async () => {
    const { vault, provider, connect, set } = await start()
    provider.answer = { expires_in: undefined }
    await connect()
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ expiresAt: null, version: 2 })
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: false })
    await set(sql`last_refreshed_at = now() - interval '2 minutes'`)
    expect(await vault.reportUnauthorized(google, 2)).toMatchObject({ version: 3 })
    expect(provider.calls).toBe(2)
  })

  it('an end of the refresh token: after idleSeconds, counted anew with every refresh, of a new one or the old one', async () => {
    const { vault, provider, connect, row, set } = await start({ idleSeconds: 1000 })
    await connect()
    provider.next(() => ({ access_token: 'at', expires_in: 3600 }))
    await vault.getFreshAccessToken(google)
    for (const version of [2, 3]) {
      expect(await row()).toMatchObject({ version, refreshExpiresAt: expect.any(Date) })
      expect(inSeconds((await row()).refreshExpiresAt)).toBeCloseTo(1000, -2)
      await set(sql`last_refreshed_at = null, refresh_expires_at = now()`)
      await vault.refreshGrant(google)
    }
  })
})

it('invalid_grant: REAUTH_REQUIRED, an access token that still runs is served, and nothing is asked again', async () => {
  const { vault, provider, connect, row, set, tokens } = await start()
  const { accessToken } = await connect(60)
  provider.next(refusal(400, 'invalid_grant'))
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, version: 1, isStale: true })
  expect(await row()).toMatchObject({
    ...{ status: 'REAUTH_REQUIRED', version: 1, leaseOwner: null, leaseUntil: null, attemptStartedAt: null },
    ...{ lastErrorCode: 'invalid_grant', lastError: 'invalid_grant, HTTP 400' },
  })
  expect((await tokens()).refresh_token).toMatchObject({ valid: false })
  await set(sql`retry_after = null`)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken })
  expect(await codeOf(vault.reportUnauthorized(google, 1))).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
  expect(provider.calls).toBe(1)
})

it('a refresh token that was refused is not spent again because an access token was stored', async () => {
  const { vault, provider, connect, set } = await start()
  await connect(60)
  provider.next(refusal(400, 'invalid_grant'))
  await vault.getFreshAccessToken(google)
  await vault.storeToken('t1', 'google', 'access_token', { value: 'at', expiresAt: new Date(Date.now() + 20_000) })
  await set(sql`retry_after = null`)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken: 'at' })
  expect(provider.calls).toBe(1)
  await connect()
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 3 })
})

it('a code of the profile ends a grant as invalid_grant does, with any status that is no fault of a server', async () => {
  const { vault, provider, connect, row } = await start({ terminalErrors: ['token_revoked'] })
  await connect(-1)
  provider.next(refusal(503, 'token_revoked'), refusal(200, 'token_revoked'))
  expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_REFRESH_FAILED')
  await connect(-1)
  expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
  expect(await row()).toMatchObject({ status: 'REAUTH_REQUIRED', lastError: 'token_revoked, HTTP 200' })
})

it('invalid_client: CONFIG_ERROR, the grant lives and is tried again', async () => {
  const { vault, provider, connect, row, set } = await start()
  await connect(-1)
  provider.next(refusal(401, 'invalid_client'))
  expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_CONFIG')
  expect(await row()).toMatchObject({ status: 'CONFIG_ERROR', failures: 1, lastError: 'invalid_client, HTTP 401' })
  expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_CONFIG')
  expect(provider.calls).toBe(1)
  await set(sql`retry_after = now()`)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2 })
  expect(await row()).toMatchObject({ status: 'ACTIVE', failures: 0, lastErrorCode: null, lastError: null })
})

it.each(['REFRESH_FAILED', 'CONFIG_ERROR'])(
  '%s: what somebody wrote into the row by hand gets into no error',
  async (status) => {
    const { vault, connect, set } = await start()
    await connect(-1)
    const held = sql`status = ${status}, retry_after = now() + interval '1 minute'`
    const messageFor = async (lastError: string) => {
      await set(sql`${held}, last_error = ${lastError}`)
      return vault.getFreshAccessToken(google).catch((error: Error) => error.message)
    }
    for (const known of ['unknown, HTTP 503', 'timeout', 'malformed_response, HTTP 200', 'invalid_client, HTTP 401']) {
      expect(await messageFor(known)).toContain(`(${known})`)
    }
    const token = 'xoxe-1-My0xLToken'
    for (const planted of [
      'timeout\n{"level":"info"}',
      token,
      `${token}, HTTP 401`,
      `timeout, HTTP ${token}`,
      'toString',
    ]) {
      expect(await messageFor(planted)).toContain('(unknown)')
    }
  },
)

it.each([
  ['429 with Retry-After', refusal(429, '', 120), 120, 'unknown, HTTP 429'],
  ['429 that asks for a year', refusal(429, '', 31_536_000), 3600, 'unknown, HTTP 429'],
  ['503 with a code', refusal(503, 'temporarily_unavailable'), 2, 'temporarily_unavailable, HTTP 503'],
  ['temporarily_unavailable', refusal(400, 'temporarily_unavailable'), 2, 'temporarily_unavailable, HTTP 400'],
])('%s: REFRESH_FAILED, not before the pause is over, nothing in doubt', async (_, twist, pause, lastError) => {
  const { vault, provider, connect, row } = await start()
  const { accessToken } = await connect(60)
  provider.next(twist)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, isStale: true })
  const { status, attemptStartedAt, inDoubtSince, retryAfter, ...rest } = await row()
  expect({ status, attemptStartedAt, inDoubtSince, lastError: rest.lastError }).toEqual({
    ...{ status: 'REFRESH_FAILED', attemptStartedAt: null, inDoubtSince: null, lastError },
  })
  expect(inSeconds(retryAfter)).toBeGreaterThan(pause / 2 - 1)
  expect(inSeconds(retryAfter)).toBeLessThan(pause + 1)
  await vault.getFreshAccessToken(google)
  expect(provider.calls).toBe(1)
})

const html = new Response('<h1>Bad gateway</h1>', { status: 502 })
const spentThen = (answer: () => unknown): Twist => {
  return (rightAnswer) => {
    rightAnswer()
    return answer() as TokenResponse
  }
}
const throws = (error: unknown) => () => {
  throw error
}
const refused = (status: number, error = '') => {
  throw new ProviderError(error, { status })
}

it.each([
  ['an HTML page of a gateway', spentThen(throws(Object.assign(new Error('x'), { cause: html }))), 'unknown, HTTP 502'],
  ['503 without a code', spentThen(() => refused(503)), 'unknown, HTTP 503'],
  ['server_error', spentThen(() => refused(500, 'server_error')), 'server_error, HTTP 500'],
  ['a gateway that waited no longer', spentThen(() => refused(524)), 'unknown, HTTP 524'],
  ['malformed JSON', spentThen(throws(Object.assign(new Error('x'), { status: 200 }))), 'malformed_response, HTTP 200'],
  ['no tokens', spentThen(() => ({ ok: true })), 'malformed_response'],
  ['nothing', spentThen(() => undefined), 'malformed_response'],
  ['a token that is none', spentThen(() => ({ access_token: 'at', refresh_token: ['rt'] })), 'malformed_response'],
  ['a token with a NUL', spentThen(() => ({ access_token: 'a\0t' })), 'malformed_response'],
  ['a connection that broke', spentThen(throws(new TypeError('fetch failed'))), 'no_answer'],
])('%s: REFRESH_FAILED and in doubt', async (_, twist, lastError) => {
  const { vault, provider, connect, row, set } = await start()
  const { accessToken } = await connect(60)
  provider.next(twist)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, isStale: true })
  expect(await row()).toMatchObject({
    ...{ status: 'REFRESH_FAILED', attemptStartedAt: expect.any(Date), leaseUntil: null, lastError },
  })
  // The refresh token may be spent: while the old access token runs, nobody tries.
  await set(sql`retry_after = null`)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, isStale: true })
  expect(provider.calls).toBe(1)
  // Once it has expired, as far as the database knows, there is nothing to lose any more.
  await set(expired)
  await vault.getFreshAccessToken(google)
  expect(provider.calls).toBe(2)
  expect(await row()).toMatchObject({ status: 'LOST_ROTATION', lastErrorCode: 'invalid_grant' })
})

it('503 without a code, but with Retry-After: in doubt, and left alone for as long as it asks', async () => {
  const { vault, provider, connect, row } = await start()
  await connect(-1)
  provider.next(refusal(503, '', 120))
  for (const _ of [1, 2])
    expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_REFRESH_FAILED')
  expect(provider.calls).toBe(1)
  const { attemptStartedAt, retryAfter } = await row()
  expect(attemptStartedAt).toEqual(expect.any(Date))
  expect(inSeconds(retryAfter)).toBeCloseTo(120, -1)
})

it('time-out after sending: REFRESH_FAILED and in doubt, and the refresher is told', async () => {
  const { vault, provider, connect, row } = await start({ refreshTimeoutSeconds: 0.1 })
  await connect(-1)
  let told = false
  provider.next(async (_, signal) => {
    signal.addEventListener('abort', () => {
      told = true
    })
    await sleep(60_000, undefined, { signal })
    throw new Error('not reached')
  })
  expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_REFRESH_FAILED')
  expect(told).toBe(true)
  expect(await row()).toMatchObject({
    ...{ status: 'REFRESH_FAILED', attemptStartedAt: expect.any(Date), lastError: 'timeout' },
  })
})

it('pauses grow with each failure', async () => {
  const { vault, provider, connect, row, set } = await start()
  await connect(-1)
  for (const failures of [1, 2, 3, 4, 5]) {
    provider.next(refusal(500))
    await set(sql`retry_after = null`)
    await codeOf(vault.getFreshAccessToken(google))
    const { retryAfter, ...rest } = await row()
    expect(rest.failures).toBe(failures)
    expect(inSeconds(retryAfter)).toBeGreaterThan(2 ** (failures - 1) - 1)
    expect(inSeconds(retryAfter)).toBeLessThan(2 ** failures + 1)
  }
})
