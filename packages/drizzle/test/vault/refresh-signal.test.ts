/** A signal ends the wait of its call at once, whoever it is that does not answer. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createEnvelope, generateKey, type Keyring, localKeyring, WaxsealError } from '@waxseal/core'
import { getTableName, sql } from 'drizzle-orm'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import type { WaitOptions } from '../../src/vault/index.ts'
import { openNodePostgres } from '../support/databases.ts'
import { google, refreshing } from './support/refreshing.ts'

type Vault = Awaited<ReturnType<typeof refreshing>>['vault']

const calls: [string, (vault: Vault, options: WaitOptions) => Promise<unknown>][] = [
  ['getFreshAccessToken', (vault, options) => vault.getFreshAccessToken(google, options)],
  ['reportUnauthorized', (vault, options) => vault.reportUnauthorized(google, 1, options)],
  ['refreshGrant', (vault, options) => vault.refreshGrant(google, options)],
]

function open() {
  const { db, close } = openNodePostgres(inject('postgres'))
  onTestFinished(close)
  return db
}

/** While it acts no statement about the table has an answer. */
async function locked(name: string, act: () => Promise<void>): Promise<void> {
  await open().transaction(async (tx) => {
    await tx.execute(sql`lock table ${sql.identifier(name)} in access exclusive mode`)
    await act()
  })
}

it.each<[string, (vault: Vault, options: never) => Promise<unknown>]>([
  ...calls,
  ['refreshSweep', (vault, options) => vault.refreshSweep(options)],
  ['rotate', (vault, options) => vault.rotate(options)],
])('%s takes no controller for its signal, and none is left with an error that nobody handles', async (_, call) => {
  const { vault, provider, connect } = await refreshing(open())
  await connect(-1)
  await expect(call(vault, { signal: new AbortController() } as never)).rejects.toMatchObject({
    code: 'ERR_WAXSEAL_ARGUMENT',
    message: expect.stringContaining('AbortSignal'),
  })
  expect(provider.calls).toBe(0)
})

describe.each(calls)('%s', (_, call) => {
  it('while the database does not answer', async () => {
    const { vault, provider, connect, table, row } = await refreshing(open())
    await connect(-1)
    await vault.dispose()
    await locked(getTableName(table), async () => {
      const controller = new AbortController()
      const given = call(vault, { signal: controller.signal })
      await sleep(50)
      controller.abort(new Error('gone'))
      const ending = given.catch((error: Error) => error.message)
      expect(await Promise.race([ending, sleep(1000, 'still waiting')])).toBe('gone')
    })
    await sleep(100)
    // Nobody waits for a refresh: none is begun.
    await vault.dispose()
    expect(provider.calls).toBe(0)
    expect(await row()).toMatchObject({ version: 1, attemptStartedAt: null })
  })

  it('while the key service does not answer, whatever it says later', async () => {
    const keyring = localKeyring(generateKey())
    let opens = 0
    let settle = () => {}
    const late = new Promise<never>((_, reject) => {
      settle = () => reject(new WaxsealError('ERR_WAXSEAL_KEY_UNAVAILABLE', 'down', { retryable: true }))
    })
    const unwrapDataKey = () => {
      opens++
      return late
    }
    const silent: Keyring = Object.assign(Object.create(keyring), {
      generateDataKey: keyring.generateDataKey.bind(keyring),
      unwrapDataKey,
    })
    const envelope = createEnvelope({ keyring: silent, encryptionContext: { app: 'test' }, cache: false })
    const { vault, connect } = await refreshing(open(), {}, { envelope })
    await connect(-1)
    const controller = new AbortController()
    const given = call(vault, { signal: controller.signal })
    await expect.poll(() => opens).toBe(1)
    controller.abort(new Error('gone'))
    const ending = given.catch((error: Error) => error.message)
    expect(await Promise.race([ending, sleep(1000, 'still waiting')])).toBe('gone')
    settle()
    await sleep(10)
    await vault.dispose()
  })

  it('that was aborted before: no statement is sent', async () => {
    const db = open()
    const { vault, connect } = await refreshing(db)
    await connect(-1)
    await vault.dispose()
    const query = vi.spyOn((db as unknown as { $client: { query(): unknown } }).$client, 'query')
    const signal = AbortSignal.abort(new Error('gone'))
    await expect(call(vault, { signal })).rejects.toThrow('gone')
    await sleep(10)
    expect(query).not.toHaveBeenCalled()
  })
})
