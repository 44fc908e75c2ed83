/** When a grant was used is written in batches, beside the calls that use it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { getTableName, sql } from 'drizzle-orm'
import { describe, expect, inject, it, vi } from 'vitest'
import type { VaultEvent } from '../../src/vault/index.ts'
import { Usage } from '../../src/vault/usage.ts'
import { databases, openNodePostgres } from '../support/databases.ts'
import { newVault } from './support/vaults.ts'

const google = { tenantId: 't1', provider: 'google' as const }

describe.each(databases)('$database', ({ open }) => {
  async function start() {
    const parts = await newVault(await open())
    await parts.vault.putGrant({ ...google, tokens: { access_token: { value: 'at' } } })
    const lastUsed = async () => (await parts.vault.listGrants()).grants[0]!.lastUsedAt
    return { ...parts, lastUsed }
  }

  it('the last use of each grant is written after half a second, not before', async () => {
    const { vault, clock, lastUsed } = await start()
    await vault.getGrant(google)
    clock.advanceSeconds(5)
    await vault.getAccessToken('t1', 'google')
    expect(await lastUsed()).toBe(null)
    await vi.waitFor(async () => expect(await lastUsed()).toEqual(new Date(clock.now())), { timeout: 5000 })
  })

  it('what is left is written at the end, in a table of another schema too', async () => {
    const db = await open()
    await db.execute(sql`create schema if not exists vault_usage`)
    const { vault, clock } = await newVault(db, { schema: 'vault_usage' })
    await vault.putGrant({ ...google, tokens: { access_token: { value: 'at' } } })
    await vault.getToken('t1', 'google', 'access_token')
    await vault.dispose()
    expect((await vault.listGrants()).grants[0]!.lastUsedAt).toEqual(new Date(clock.now()))
    expect(await vault.getToken('t1', 'google', 'access_token')).toMatchObject({ lastUsedAt: new Date(clock.now()) })
    await vault.dispose()
  })

  it('a process whose clock is late takes nothing back', async () => {
    const { vault, clock, lastUsed } = await start()
    await vault.getGrant(google)
    await vault.dispose()
    const used = await lastUsed()
    clock.setNow(clock.now() - 60_000)
    await vault.getGrant(google)
    await vault.dispose()
    expect(await lastUsed()).toEqual(used)
  })

  it('touches nothing but the time of the last use', async () => {
    const { vault, table, db } = await start()
    const [before] = await db.select().from(table)
    await vault.getGrant(google)
    await vault.dispose()
    const [after] = await db.select().from(table)
    expect(after).toEqual({ ...before, lastUsedAt: expect.any(Date) })
  })

  it('a failure is an event, and no call hears of it', async () => {
    const { vault, table, db } = await start()
    const events: VaultEvent[] = []
    const listener = (event: unknown) => events.push(event as VaultEvent)
    subscribe('waxseal:vault', listener)
    await vault.getGrant(google)
    await db.execute(sql`drop table ${sql.identifier(getTableName(table))}`)
    await vault.dispose()
    unsubscribe('waxseal:vault', listener)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'use', level: 'warn', code: 'ERR_WAXSEAL_TABLE_INVALID' }),
    )
  })
})

it('a row that somebody is writing is passed over, and holds up no other', async () => {
  const { db, close } = openNodePostgres(inject('postgres'))
  const { vault, table, clock } = await newVault(db)
  for (const tenantId of ['t1', 't2']) {
    await vault.putGrant({ tenantId, provider: 'google', tokens: { access_token: { value: 'at' } } })
    await vault.getGrant({ tenantId, provider: 'google' })
  }
  await db.transaction(async (transaction) => {
    await transaction.execute(
      sql`select 1 from ${sql.identifier(getTableName(table))} where tenant_id = 't1' for update`,
    )
    const flushed = vault.dispose().then(() => 'flushed')
    expect(await Promise.race([flushed, sleep(10_000, 'waits')])).toBe('flushed')
  })
  const used = async (tenantId: string) => (await vault.listGrants({ tenantId })).grants[0]!.lastUsedAt
  expect(await used('t1')).toBe(null)
  expect(await used('t2')).toEqual(new Date(clock.now()))
  await close()
})

it('while the database does not answer, uses are gathered, so many and no more, and written once it does', async () => {
  const written: (readonly { id: string; at: Date }[])[] = []
  let answer = () => {}
  const usage = new Usage({
    touch: (uses) => {
      written.push(uses)
      return new Promise<void>((resolve) => {
        answer = resolve
      })
    },
  })
  const grant = (id: string) => ({ id, tenantId: 't1' })
  usage.note(grant('a'), 1)
  await vi.waitFor(() => expect(written).toHaveLength(1), { timeout: 5000 })
  for (let index = 0; index < 20_000; index++) usage.note(grant(`${index}`), 2)
  usage.note(grant('0'), 3)
  await sleep(1200)
  expect(written).toHaveLength(1)
  answer()
  await vi.waitFor(() => expect(written).toHaveLength(2), { timeout: 5000 })
  expect(written[1]![0]).toEqual({ ...grant('0'), at: new Date(3) })
  let isDone = false
  const flushed = usage.flush().then(() => {
    isDone = true
  })
  while (!isDone) {
    answer()
    await sleep(1)
  }
  await flushed
  expect(written.slice(1).flat()).toHaveLength(10_000)
})
