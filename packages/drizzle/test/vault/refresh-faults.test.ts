/** Outages around a refresh: of the key service, of the database, of the refresher, of the process itself. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEnvelope, type Envelope, generateKey, type Keyring, localKeyring, WaxsealError } from '@waxseal/core'
import { fakeClock } from '@waxseal/testing'
import { sql } from 'drizzle-orm'
import { expect, inject, it } from 'vitest'
import type { SavedGrant, TokenVaultTable } from '../../src/vault/index.ts'
import { databases, openNodePostgres } from '../support/databases.ts'
import { codeOf, google, refreshing } from './support/refreshing.ts'
import { refusal, type StrictProvider, type Twist } from './support/strict-provider.ts'

const { open } = databases.at(-1)!

interface Service {
  isDown: boolean
  /** Whether it opens what is sealed, and gives no key to seal with. */
  onlyOpens: boolean
  onCall(): Promise<void>
}

/** An envelope that asks its key service each time, and how to take that down. */
function frailEnvelope(): { envelope: Envelope; service: Service } {
  const service: Service = { isDown: false, onlyOpens: false, onCall: async () => {} }
  const keyring = localKeyring(generateKey())
  const unlessDown =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      await service.onCall()
      if (service.isDown) throw new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'down', { retryable: true })
      return call(...args)
    }
  const frail: Keyring = Object.assign(Object.create(keyring), {
    generateDataKey: unlessDown((...args: Parameters<Keyring['generateDataKey']>) => {
      if (service.onlyOpens) throw new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'down', { retryable: true })
      return keyring.generateDataKey(...args)
    }),
    unwrapDataKey: unlessDown(keyring.unwrapDataKey.bind(keyring)),
  })
  return { envelope: createEnvelope({ keyring: frail, encryptionContext: { app: 'test' }, cache: false }), service }
}

/** A statement that fails for as long as a test wants, at the point where the COMMIT is. */
async function breakCommits({ db, table }: { db: Parameters<typeof refreshing>[0]; table: TokenVaultTable }) {
  await db.execute(sql`alter table ${table} add constraint never check (version < 2) not valid`)
  return async () => void (await db.execute(sql`alter table ${table} drop constraint never`))
}

function during(provider: StrictProvider, act: () => unknown): void {
  const twist: Twist = async (rightAnswer) => {
    const answer = rightAnswer()
    await act()
    return answer
  }
  provider.next(twist)
}

it('key service down before a refresh: nothing is claimed, the provider is not asked', async () => {
  const { envelope, service } = frailEnvelope()
  const { vault, provider, connect, row } = await refreshing(await open(), {}, { envelope })
  await connect(-1)
  const before = await row()
  service.isDown = true
  expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
  expect(await codeOf(vault.refreshSweep())).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
  expect({ ...(await row()), lastUsedAt: null }).toEqual({ ...before, lastUsedAt: null })
  expect(provider.calls).toBe(0)
  service.isDown = false
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2 })
})

it('a key service that opens and gives no key to seal with: nothing is claimed either', async () => {
  const { envelope, service } = frailEnvelope()
  const { vault, provider, connect, row } = await refreshing(await open(), {}, { envelope })
  await connect(-1)
  service.onlyOpens = true
  expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_KEY_UNAVAILABLE')
  expect(await row()).toMatchObject({ leaseOwner: null, attemptStartedAt: null, failures: 0 })
  expect(provider.calls).toBe(0)
})

it('key service down from the request on: what the provider gave is sealed and written', async () => {
  const { envelope, service } = frailEnvelope()
  const { vault, provider, connect, row, tokens } = await refreshing(await open(), {}, { envelope })
  await connect(-1)
  during(provider, () => {
    service.isDown = true
  })
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: false })
  expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2 })
  service.isDown = false
  expect(provider.takes((await tokens()).refresh_token!.value)).toBe(true)
})

it('a row that a claim of the sweep cannot open is given back, and tried no sooner than in a minute', async () => {
  const { vault, newVault, provider, connect, row } = await refreshing(await open())
  await connect(-1)
  const stranger = newVault({ envelope: frailEnvelope().envelope })
  expect(await stranger.refreshSweep()).toEqual({ refreshed: 0, failed: 1, lost: 0 })
  expect(await row()).toMatchObject({ status: 'ACTIVE', leaseUntil: null, attemptStartedAt: null, failures: 0 })
  expect((await row()).retryAfter!.getTime() - Date.now()).toBeGreaterThan(50_000)
  expect(provider.calls).toBe(0)
  expect(await vault.refreshSweep()).toEqual({ refreshed: 0, failed: 0, lost: 0 })
})

it.each(['nothing', 'a claim that cannot open the row', 'an answer that nothing is spent'])(
  'in doubt within a grace, %s in between: the one retry is still there',
  async (between) => {
    const { vault, newVault, provider, connect, row, set } = await refreshing(await open(), { graceSeconds: 3600 })
    await connect(60)
    const noAnswer: Twist = () => {
      throw new TypeError('fetch failed')
    }
    provider.next(noAnswer)
    await vault.getFreshAccessToken(google)
    await set(sql`retry_after = null`)
    if (between === 'a claim that cannot open the row') {
      await newVault({ envelope: frailEnvelope().envelope }).refreshSweep()
    }
    if (between === 'an answer that nothing is spent') {
      provider.next(refusal(429))
      await vault.getFreshAccessToken(google)
    }
    expect(await row()).toMatchObject({ attemptStartedAt: expect.any(Date), inDoubtSince: null, version: 1 })
    await set(sql`retry_after = null`)
    provider.next(noAnswer)
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 1, isStale: true })
    const { calls } = provider
    await set(sql`retry_after = null`)
    await vault.getFreshAccessToken(google)
    // That was the one.
    expect(provider.calls).toBe(calls)
    expect(calls).toBe(between === 'an answer that nothing is spent' ? 3 : 2)
  },
)

it('database down at the COMMIT for a moment: it is written from memory', async () => {
  const { vault, provider, connect, row, db, table } = await refreshing(await open())
  await connect(-1)
  const mend = await breakCommits({ db, table })
  during(provider, () => void sleep(300).then(mend))
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2 })
  expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2 })
  expect(provider.calls).toBe(1)
})

it('database down at the COMMIT for long: onPersistFailure has the record, the caller the token, recoverGrant the rest', async () => {
  const saved: SavedGrant[] = []
  const onPersistFailure = (grant: SavedGrant) => {
    saved.push(JSON.parse(JSON.stringify(grant)))
    throw new Error('the hook fails too')
  }
  const parts = await refreshing(await open(), {}, { onPersistFailure })
  const { vault, provider, connect, row, tokens } = parts
  const { refreshToken } = await connect(-1)
  provider.answer = { scope: 'mail' }
  const mend = await breakCommits(parts)
  const events: unknown[] = []
  const listener = (event: unknown) => void events.push(event)
  subscribe('waxseal:vault', listener)
  const fresh = await vault.getFreshAccessToken(google)
  unsubscribe('waxseal:vault', listener)
  expect(events).toContainEqual(expect.objectContaining({ type: 'save', level: 'warn', provider: 'google' }))
  expect(fresh).toMatchObject({ accessToken: expect.stringMatching(/^at-/), isStale: false })
  expect(saved).toEqual([
    {
      ...{ id: (await row()).id, ...google, account: '', kind: 'oauth', version: 1, scopes: ['mail'] },
      record: expect.stringMatching(/^ws2\./),
    },
  ])
  expect(JSON.stringify(saved)).not.toContain(fresh.accessToken)
  await mend()
  expect(await row()).toMatchObject({ version: 1, attemptStartedAt: expect.any(Date) })
  expect((await tokens()).refresh_token!.value).toBe(refreshToken)
  expect(await vault.recoverGrant(saved[0]!)).toBe(true)
  expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2, attemptStartedAt: null, scopes: ['mail'] })
  expect((await tokens()).access_token!.value).toBe(fresh.accessToken)
  // Handing it over twice does no harm.
  expect(await vault.recoverGrant(saved[0]!)).toBe(true)
  await connect(60)
  expect(await vault.recoverGrant(saved[0]!)).toBe(false)
  expect(await row()).toMatchObject({ version: 3 })
  const foreign = { ...saved[0]!, tenantId: 't2' }
  expect(await codeOf(vault.recoverGrant(foreign))).toBe('ERR_WAXSEAL_INTEGRITY')
  expect(await codeOf(vault.recoverGrant({} as never))).toBe('ERR_WAXSEAL_ARGUMENT')
})

it('an onPersistFailure that never ends keeps nobody from the token, and no process from its end', async () => {
  const parts = await refreshing(await open(), {}, { onPersistFailure: () => new Promise<void>(() => {}) })
  const { vault, connect } = parts
  await connect(-1)
  await breakCommits(parts)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: false })
  await vault.dispose()
}, 30_000)

it('what is recovered of a grant that was revoked meanwhile is given back to the provider', async () => {
  const saved: SavedGrant[] = []
  const parts = await refreshing(await open(), {}, { onPersistFailure: (grant) => void saved.push(grant) })
  const { vault, provider, connect, row } = parts
  await connect(-1)
  const mend = await breakCommits(parts)
  await vault.getFreshAccessToken(google)
  await mend()
  await vault.revokeGrant(google)
  expect(await vault.recoverGrant(saved[0]!)).toBe(false)
  expect(await row()).toMatchObject({ status: 'REVOKED', encryptedValue: null })
  expect(provider.takes(provider.revoked.at(-1))).toBe(true)
})

it('a COMMIT whose acknowledgement is lost was written all the same, and the token is not lost', async () => {
  const { db, close } = openNodePostgres(inject('postgres'))
  const { vault, provider, connect, row } = await refreshing(db)
  await connect(-1)
  const pool = (db as unknown as { $client: { query(...args: unknown[]): Promise<unknown> } }).$client
  const query = pool.query.bind(pool)
  let lost = 0
  pool.query = async (...args) => {
    const result = await query(...args)
    if (lost > 0 || !JSON.stringify(args[0]).includes('last_refreshed_at\\" = clock_timestamp()')) return result
    lost++
    throw Object.assign(new Error('Connection terminated'), { code: 'ECONNRESET' })
  }
  expect(await vault.refreshSweep()).toEqual({ refreshed: 1, failed: 0, lost: 0 })
  expect(lost).toBe(1)
  expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2 })
  expect(provider.revoked).toEqual([])
  await close()
})

it('a refresher that never settles is over in time; what it brings later is written all the same', async () => {
  const { vault, provider, connect, row, tokens } = await refreshing(await open(), { refreshTimeoutSeconds: 0.1 })
  await connect(-1)
  let settle = () => {}
  const late = new Promise<void>((resolve) => {
    settle = resolve
  })
  during(provider, () => late)
  expect(await codeOf(vault.getFreshAccessToken(google))).toBe('ERR_WAXSEAL_GRANT_REFRESH_FAILED')
  expect(await row()).toMatchObject({ status: 'REFRESH_FAILED', version: 1 })
  settle()
  await expect.poll(async () => (await row()).version).toBe(2)
  expect(await row()).toMatchObject({ status: 'ACTIVE', attemptStartedAt: null, retryAfter: null })
  expect(provider.takes((await tokens()).refresh_token!.value)).toBe(true)
})

it('a late answer of a grant that was connected again meanwhile is dropped', async () => {
  const { vault, provider, connect, tokens } = await refreshing(await open(), { refreshTimeoutSeconds: 0.1 })
  await connect(-1)
  let settle = () => {}
  const late = new Promise<void>((resolve) => {
    settle = resolve
  })
  during(provider, () => late)
  await codeOf(vault.getFreshAccessToken(google))
  const { refreshToken } = await connect(3600)
  settle()
  await vault.dispose()
  expect((await tokens()).refresh_token!.value).toBe(refreshToken)
})

it('dispose waits for a refresh that is under way', async () => {
  const { vault, provider, connect, row } = await refreshing(await open())
  provider.delay = 200
  await connect(-1)
  const controller = new AbortController()
  const given = codeOf(vault.getFreshAccessToken(google, { signal: controller.signal }))
  await expect.poll(() => provider.calls).toBe(1)
  controller.abort()
  await given
  await vault.dispose()
  expect(await row()).toMatchObject({ version: 2, leaseOwner: null })
})

it('a process that stood still between claim and request does not send it', async () => {
  const clock = fakeClock()
  const { envelope, service } = frailEnvelope()
  const { vault, provider, connect, row } = await refreshing(await open(), {}, { envelope, clock })
  await connect(60)
  let stood = 0
  service.onCall = async () => {
    if (stood > 0 || (await row()).leaseOwner === null) return
    clock.advanceSeconds(6)
    stood++
  }
  expect(await vault.refreshSweep({ limit: 1 })).toEqual({ refreshed: 0, failed: 0, lost: 1 })
  expect(stood).toBe(1)
  expect(provider.calls).toBe(0)
  expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: false })
  expect(await row()).toMatchObject({ status: 'ACTIVE', failures: 0, inDoubtSince: null })
})
