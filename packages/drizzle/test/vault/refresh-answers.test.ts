/** How a provider's answer is read, and which profiles are taken. */
import { describe, expect, it } from 'vitest'
import { ProviderError } from '../../src/vault/index.ts'
import { pauseSeconds } from '../../src/vault/refresh/back-off.ts'
import { refreshSettings } from '../../src/vault/refresh/refresh-settings.ts'
import { refusalOf } from '../../src/vault/refresh/refusal.ts'
import { readTokenResponse } from '../../src/vault/refresh/token-response.ts'

const read = (response: unknown) => readTokenResponse(response as never)

describe('a response', () => {
  it.each([
    ['a number', 3600, 3600],
    ['decimal text', '3600', 3600],
    ['text that is no number', '1h', undefined],
    ['zero', 0, undefined],
    ['less than zero', -1, undefined],
    ['no number', Number.NaN, undefined],
    ['more than a century', 1e300, 3_155_760_000],
    ['infinite', Number.POSITIVE_INFINITY, 3_155_760_000],
    ['null', null, undefined],
    ['an object', {}, undefined],
  ])('with expires_in %s', (_, expires_in, lifetimeSeconds) => {
    expect(read({ access_token: 'at', expires_in })).toMatchObject({ accessToken: 'at', lifetimeSeconds })
  })

  it('keeps nothing of an empty or missing refresh token and scope', () => {
    for (const refresh_token of [undefined, null, '']) {
      expect(read({ access_token: 'at', refresh_token })).toMatchObject({ refreshToken: undefined, scopes: undefined })
    }
    expect(read({ access_token: 'at', scope: ' a  b ' })).toMatchObject({ scopes: ['a', 'b'] })
    expect(read({ access_token: 'at', scope: 'a\0' })).toMatchObject({ scopes: undefined })
  })

  it('may be an object of a class', () => {
    class Answer {
      get access_token() {
        return 'at'
      }
    }
    expect(read(new Answer())).toMatchObject({ accessToken: 'at' })
  })

  it.each([
    [undefined],
    [null],
    ['at'],
    [{}],
    [{ access_token: '' }],
    [{ access_token: 1 }],
    [{ access_token: 'a\0' }],
    [{ access_token: '\ud800' }],
    [{ access_token: 'x'.repeat(65_537) }],
    [{ access_token: 'at', refresh_token: 1 }],
    [{ access_token: 'at', refresh_token: 'x'.repeat(65_537) }],
  ])('%j is none', (response) => {
    expect(read(response)).toBe(undefined)
  })
})

describe('what a refresher throws', () => {
  const headers = (value: string) => new Headers({ 'retry-after': value })
  const inAMinute = new Date(Date.now() + 60_000).toUTCString()

  it.each([
    ['an error of this package', new ProviderError('invalid_grant', { status: 400 }), 'REAUTH_REQUIRED', true, 0],
    ['the same, of the app', new ProviderError('invalid_client', { status: 401 }), 'CONFIG_ERROR', true, 0],
    [
      'an error of oauth4webapi',
      { error: 'invalid_grant', status: 400, response: { status: 400 } },
      'REAUTH_REQUIRED',
      true,
      0,
    ],
    ['one with seconds in a header', { response: { status: 429, headers: headers('30') } }, 'REFRESH_FAILED', true, 30],
    [
      'one with a date in a header',
      { response: { status: 503, headers: headers(inAMinute) } },
      'REFRESH_FAILED',
      false,
      60,
    ],
    [
      'one with nonsense in a header',
      { response: { status: 503, headers: headers('soon') } },
      'REFRESH_FAILED',
      false,
      0,
    ],
    [
      'one whose cause is a response',
      { cause: { cause: new Response('', { status: 504 }) } },
      'REFRESH_FAILED',
      false,
      0,
    ],
    ['a success that cannot be read', { cause: new Response('', { status: 200 }) }, 'REFRESH_FAILED', false, 0],
    ['a success with an error in it', { error: 'invalid_grant', status: 200 }, 'REAUTH_REQUIRED', true, 0],
    ['invalid_grant of a broken server', { error: 'invalid_grant', status: 500 }, 'REFRESH_FAILED', true, 0],
    ['a challenge', { status: 401 }, 'CONFIG_ERROR', true, 0],
    ['no status', new TypeError('fetch failed'), 'REFRESH_FAILED', false, 0],
    ['a status that is none', { status: 'failed' }, 'REFRESH_FAILED', false, 0],
    ['nothing', undefined, 'REFRESH_FAILED', false, 0],
  ])('%s', (_, thrown, status, isAnswered, retryAfterSeconds) => {
    const refusal = refusalOf(thrown, [])
    expect(refusal).toMatchObject({ status, isAnswered })
    expect(Math.abs(refusal.retryAfterSeconds - retryAfterSeconds)).toBeLessThan(2)
  })

  it.each([408, 499, 500, 502, 503, 504, 520, 524, 527, 599])(
    '%i is an answer of whoever stands in between',
    (status) => {
      for (const error of [undefined, '', 'upstream_reset', 'server_error']) {
        const refusal = refusalOf({ error, status, retryAfterSeconds: 30 }, [])
        expect(refusal).toMatchObject({ status: 'REFRESH_FAILED', isAnswered: false, retryAfterSeconds: 30 })
      }
    },
  )

  it.each([
    ['temporarily_unavailable', 503, true],
    ['temporarily_unavailable', 500, true],
    ['temporarily_unavailable', 408, true],
    ['dead', 500, true],
    // Whatever comes with it, a gateway says by these that it has nothing of the provider's.
    ['temporarily_unavailable', 502, false],
    ['temporarily_unavailable', 504, false],
    // The code is there for where no status of 500 can be sent, and says as little.
    ['server_error', 400, false],
    ['server_error', 200, false],
    [undefined, 400, true],
    [undefined, 403, true],
    [undefined, 429, true],
  ])('%s with %i: whether it is the provider that speaks', (error, status, isAnswered) => {
    expect(refusalOf({ error, status }, ['dead'])).toMatchObject({ status: 'REFRESH_FAILED', isAnswered })
  })

  it('may have properties that throw', () => {
    const error = Object.defineProperty(new Error(), 'response', { get: () => JSON.parse('') })
    expect(refusalOf(error, [])).toMatchObject({ lastErrorCode: 'no_answer', isAnswered: false })
  })

  it('of its words, only codes that are known beforehand are kept', () => {
    const { lastErrorCode, lastError } = refusalOf({ error: 'secret-token', status: 400, message: 'rt-1' }, ['dead'])
    expect({ lastErrorCode, lastError }).toEqual({ lastErrorCode: 'unknown', lastError: 'unknown, HTTP 400' })
    expect(refusalOf({ error: 'dead', status: 400 }, ['dead'])).toMatchObject({ lastError: 'dead, HTTP 400' })
  })
})

it('pauses double up to ten minutes, spread by half, and never exceed an hour', () => {
  for (const [failures, most] of [
    [-40, 2],
    [0, 2],
    [1, 4],
    [5, 64],
    [50, 600],
  ] as const) {
    const pauses = Array.from({ length: 100 }, () => pauseSeconds(failures))
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(most / 2)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(most)
    expect(new Set(pauses).size).toBeGreaterThan(90)
  }
  expect(pauseSeconds(0, 100)).toBe(100)
  expect(pauseSeconds(0, 100_000)).toBe(3600)
})

describe('a profile', () => {
  it('has careful defaults', () => {
    expect(refreshSettings({ crm: {} }).get('crm')).toEqual({
      ...{ expiryBufferSeconds: 300, refreshTimeoutSeconds: 10, rotates: true, graceSeconds: 0 },
      ...{ idleSeconds: undefined, defaultLifetimeSeconds: undefined, terminalErrors: [] },
    })
  })

  it.each([
    ['expiryBufferSeconds', -1],
    ['expiryBufferSeconds', '300'],
    ['refreshTimeoutSeconds', 0],
    ['refreshTimeoutSeconds', 121],
    ['graceSeconds', Number.NaN],
    ['idleSeconds', 0],
    ['defaultLifetimeSeconds', Number.POSITIVE_INFINITY],
    ['rotates', 'no'],
    ['terminalErrors', 'invalid'],
    ['terminalErrors', ['two words']],
    ['refresh', {}],
    ['revoke', true],
  ])('with %s %j is refused, by provider and field', (field, value) => {
    expect(() => refreshSettings({ crm: { [field]: value } as never })).toThrow(
      expect.objectContaining({
        code: 'ERR_WAXSEAL_ARGUMENT',
        message: expect.stringContaining(`providers.crm.${field}`),
      }),
    )
  })
})
