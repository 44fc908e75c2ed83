import { describe, expect, it } from 'vitest'
import { fakeProvider } from '../src/index.ts'

const refused = { error: 'invalid_grant', status: 400 }

describe('the fake provider', () => {
  it('gives a new refresh token for each one spent', async () => {
    const provider = fakeProvider({ expiresInSeconds: 60 })
    const { refresh_token: refreshToken } = provider.connect()
    const answer = await provider.profile.refresh({ refreshToken })
    expect(answer).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.not.stringContaining(refreshToken),
      expires_in: 60,
    })
    expect([refreshToken, answer.refresh_token].map(provider.isSpendable)).toEqual([false, true])
    expect(provider.refreshes).toBe(1)
  })

  it('ends the grant whose refresh token is spent again, and no other', async () => {
    const provider = fakeProvider()
    const { refresh_token: refreshToken } = provider.connect()
    const other = provider.connect()
    const { refresh_token: next } = await provider.profile.refresh({ refreshToken })
    await expect(provider.profile.refresh({ refreshToken })).rejects.toMatchObject(refused)
    expect(provider.isSpendable(next)).toBe(false)
    expect(provider.isSpendable(other.refresh_token)).toBe(true)
    expect(provider.liveGrants).toBe(1)
  })

  it('refuses what it never gave', async () => {
    await expect(fakeProvider().profile.refresh({ refreshToken: 'mine' })).rejects.toMatchObject(refused)
  })

  it('keeps the refresh token where it does not rotate them', async () => {
    const provider = fakeProvider({ rotates: false })
    const { refresh_token: refreshToken } = provider.connect()
    for (let spent = 0; spent < 2; spent++) {
      expect(await provider.profile.refresh({ refreshToken })).toMatchObject({ refresh_token: refreshToken })
    }
    expect(provider.profile.rotates).toBe(false)
  })

  it('answers what it was told, once each, in turn', async () => {
    const provider = fakeProvider()
    const { refresh_token: refreshToken } = provider.connect()
    provider.next({ error: 'slow_down', status: 429, retryAfterSeconds: 7 })
    provider.next({ without: 'refresh_token' })
    provider.next({ without: 'expires_in' })
    await expect(provider.profile.refresh({ refreshToken })).rejects.toMatchObject({
      status: 429,
      retryAfterSeconds: 7,
    })
    expect(Object.keys(await provider.profile.refresh({ refreshToken }))).toEqual(['access_token', 'expires_in'])
    expect(provider.isSpendable(refreshToken)).toBe(true)
    const { refresh_token: next, ...rest } = await provider.profile.refresh({ refreshToken })
    expect(Object.keys(rest)).toEqual(['access_token'])
    expect(provider.isSpendable(next)).toBe(true)
  })

  it.each(['no answer', { malformed: '<html>' }] as const)(
    'spends the refresh token though its answer is %o',
    async (answer) => {
      const provider = fakeProvider()
      const { refresh_token: refreshToken } = provider.connect()
      provider.next(answer)
      const outcome = await provider.profile.refresh({ refreshToken }).catch((error: Error) => error)
      if (answer === 'no answer') expect(outcome).not.toHaveProperty('status')
      else expect(outcome).toBe('<html>')
      expect(provider.isSpendable(refreshToken)).toBe(false)
      expect(provider.liveGrants).toBe(1)
    },
  )

  it('quotes the refresh token in what it throws', async () => {
    const provider = fakeProvider()
    const { refresh_token: refreshToken } = provider.connect()
    provider.next('no answer')
    await expect(provider.profile.refresh({ refreshToken })).rejects.toThrow(refreshToken)
    await expect(provider.profile.refresh({ refreshToken })).rejects.toThrow(refreshToken)
  })

  it('holds its answers, and not what a request does', async () => {
    const provider = fakeProvider()
    const { refresh_token: refreshToken } = provider.connect()
    const release = provider.hold()
    let isAnswered = false
    const answer = provider.profile.refresh({ refreshToken }).finally(() => {
      isAnswered = true
    })
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect([isAnswered, provider.isSpendable(refreshToken), provider.refreshes]).toEqual([false, false, 1])
    release()
    expect(provider.isSpendable((await answer).refresh_token)).toBe(true)
  })

  it('takes a revocation, and a user who disconnects', async () => {
    const provider = fakeProvider()
    const [first, second] = [provider.connect(), provider.connect()]
    await provider.profile.revoke({ tokens: { refresh_token: { value: first.refresh_token } } })
    await provider.profile.revoke({ tokens: {} })
    provider.disconnect(second.refresh_token)
    for (const { refresh_token: refreshToken } of [first, second]) {
      await expect(provider.profile.refresh({ refreshToken })).rejects.toMatchObject(refused)
    }
    expect(provider.liveGrants).toBe(0)
  })

  it('takes its time where it is told to', async () => {
    const provider = fakeProvider({ latencyMilliseconds: 50 })
    const startedAt = performance.now()
    await provider.profile.refresh({ refreshToken: provider.connect().refresh_token })
    expect(performance.now() - startedAt).toBeGreaterThan(45)
  })
})
