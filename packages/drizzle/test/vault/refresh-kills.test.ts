/**
 * A process that is killed in the middle of a refresh: what state it leaves, and who repairs it. The table of docs/vault.md. In the
 * outbox stands what came to pass, and nothing else.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { getTableName, sql } from 'drizzle-orm'
import { describe, expect, inject, it } from 'vitest'
import type { ProviderProfile } from '../../src/vault/index.ts'
import { servers } from '../support/databases.ts'
import type { Doom, Plan } from './support/doomed-process.ts'
import { withOutbox } from './support/outboxes.ts'
import { codeOf, google } from './support/refreshing.ts'
import type { Twist } from './support/strict-provider.ts'

const program = fileURLToPath(new URL('./support/doomed-process.ts', import.meta.url))
const { open } = servers[0]!

/** Lets a process refresh a grant whose access token runs for a minute more, and kills it there. */
async function killed(doom: Doom, { rotatesFirst = true, profile = {} as ProviderProfile } = {}) {
  const key = generateKey()
  const envelope = createEnvelope({ keyring: localKeyring(key), encryptionContext: { app: 'test' } })
  const parts = await withOutbox(await open(), profile, { envelope })
  const { provider, table, outbox, connect } = parts
  const { accessToken } = await connect(60)

  const { refresh } = provider.profile()
  const server = createServer(async (request, response) => {
    const answer = await refresh!(
      { refreshToken: await text(request), grant: undefined as never },
      { signal: new AbortController().signal },
    )
    response.end(JSON.stringify(answer))
  }).listen(0)
  const providerUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const plan: Plan = {
    doom,
    connectionString: inject('postgres'),
    table: getTableName(table as never),
    outbox: getTableName(outbox),
    key,
    providerUrl,
  }
  const child = fork(program, [JSON.stringify(plan)], {
    execArgv: ['--import=tsx', '--conditions=waxseal-source'],
  })
  const exit = once(child, 'exit')
  const killThere: Twist = async (rightAnswer) => {
    const answer = rotatesFirst ? rightAnswer() : undefined
    child.kill('SIGKILL')
    await exit
    return answer as never
  }
  if (doom === 'request') provider.next(killThere)
  expect(await exit).toEqual([null, 'SIGKILL'])
  server.closeAllConnections()
  server.close()
  const calls = provider.calls
  return { ...parts, accessToken, calls }
}

const leaseIsOver = sql`lease_until = least(lease_until, clock_timestamp())`
const tokenIsOver = sql`expires_at = least(expires_at, clock_timestamp()), lease_until = least(lease_until, clock_timestamp())`

describe('killed', () => {
  it.each([
    ['after the CLAIM, before the request', 'after claim', true, 0],
    ['when the request was sent, which the provider never took up', 'request', false, 1],
  ] as const)(
    '%s: the old token is served while it runs, then the grant is refreshed',
    async (_, doom, rotatesFirst, calls) => {
      const { vault, provider, accessToken, row, set, tokens, events, ...left } = await killed(doom, { rotatesFirst })
      expect(left.calls).toBe(calls)
      expect(await row()).toMatchObject({ status: 'ACTIVE', version: 1, leaseOwner: expect.any(String) })
      // The lease of the dead process runs: nobody else tries.
      expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, isStale: true })
      await set(leaseIsOver)
      expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, isStale: true })
      expect(provider.calls).toBe(calls)
      await set(tokenIsOver)
      expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 2, isStale: false })
      expect(provider.calls).toBe(calls + 1)
      expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2, attemptStartedAt: null, inDoubtSince: null })
      expect(provider.takes((await tokens()).refresh_token!.value)).toBe(true)
      expect(await events()).toEqual(['stored', 'refreshed'])
    },
  )

  it.each([
    ['when the provider had rotated, before its answer came', 'request'],
    ['when the answer was read, before the COMMIT', 'answer read'],
  ] as const)('%s: the old token is served while it runs, then LOST_ROTATION', async (_, doom) => {
    const { vault, provider, accessToken, row, set, connect, events } = await killed(doom)
    await set(leaseIsOver)
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ accessToken, isStale: true })
    expect(provider.calls).toBe(1)
    await set(tokenIsOver)
    await vault.getFreshAccessToken(google)
    expect(provider.calls).toBe(2)
    expect(await row()).toMatchObject({ status: 'LOST_ROTATION', version: 1, lastErrorCode: 'invalid_grant' })
    expect(await codeOf(vault.reportUnauthorized(google, 1))).toBe('ERR_WAXSEAL_GRANT_REAUTH_REQUIRED')
    await connect(60)
    expect(await vault.getFreshAccessToken(google)).toMatchObject({ version: 3, isStale: false })
    expect(await events()).toEqual(['stored', 'lost_rotation', 'stored', 'refreshed'])
  })

  it.each([
    ['when the provider had rotated, before its answer came', 'request'],
    ['when the answer was read, before the COMMIT', 'answer read'],
  ] as const)('%s, at a provider with a grace: the next call repairs it', async (_, doom) => {
    const { vault, newVault, provider, row, set, events } = await killed(doom)
    await set(leaseIsOver)
    // The provider takes the spent token once more and answers with the tokens that it gave out for it.
    const again: Twist = () => ({ access_token: 'at-again', refresh_token: provider.connect(), expires_in: 3600 })
    provider.next(again)
    const graceful = newVault({ providers: { google: provider.profile({ graceSeconds: 60 }) } })
    expect(await graceful.getFreshAccessToken(google)).toMatchObject({ accessToken: 'at-again', version: 2 })
    expect(provider.calls).toBe(2)
    expect(await row()).toMatchObject({ status: 'ACTIVE', attemptStartedAt: null, inDoubtSince: null })
    expect(await events()).toEqual(['stored', 'refreshed'])
    await vault.dispose()
  })

  it.each([
    ['when the COMMIT was done, before its acknowledgement came', 'commit sent'],
    ['after the COMMIT', 'after commit'],
  ] as const)('%s: everybody has the new token at once', async (_, doom) => {
    const { vault, provider, accessToken, row, tokens, events } = await killed(doom)
    expect(await events()).toEqual(['stored', 'refreshed'])
    expect(await row()).toMatchObject({ status: 'ACTIVE', version: 2, leaseOwner: null, attemptStartedAt: null })
    const fresh = await vault.getFreshAccessToken(google)
    expect(fresh).toMatchObject({ version: 2, isStale: false })
    expect(fresh.accessToken).not.toBe(accessToken)
    expect(provider.calls).toBe(1)
    expect(provider.takes((await tokens()).refresh_token!.value)).toBe(true)
  })
})
