/** Records sealed anew under today's keys, beside everything else that happens to them. */
import { createEnvelope, type Envelope, generateKey, localKeyring, recordKeyIds } from '@waxseal/core'
import { getTableName, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { createTokenVault, type RotationProgress } from '../../src/vault/index.ts'
import { databases, servers } from '../support/databases.ts'
import { newVault, providers } from './support/vaults.ts'

const [older, newer] = [generateKey(), generateKey()]
const sealing = (keys: string, app = 'test') =>
  createEnvelope({ keyring: localKeyring(keys), encryptionContext: { app } })
const before = sealing(older)
const during = sealing(`${newer},${older}`)
const after = sealing(newer)

const google = (tenantId: string) => ({ tenantId, provider: 'google' as const })
const tokens = (value: string) => ({
  access_token: { value: `at-${value}`, expiresAt: new Date(Date.now() + 3_600_000) },
  refresh_token: { value: `rt-${value}` },
})

/** So many grants under the older key, and vaults with either key or both. */
async function start(open: (typeof databases)[number]['open'], count: number) {
  const { table, db } = await newVault(await open())
  const vaultWith = (envelope: Envelope) => createTokenVault({ db, table, envelope, providers })
  const old = vaultWith(before)
  const tenants = Array.from({ length: count }, (_, index) => `t${index}`)
  await Promise.all(tenants.map((tenantId) => old.putGrant({ ...google(tenantId), tokens: tokens(tenantId) })))
  const rows = () => db.select().from(table).orderBy(table.id)
  const target = sql.identifier(getTableName(table))
  const readable = async (envelope: Envelope) => {
    const vault = vaultWith(envelope)
    const read = tenants.map((tenantId) => vault.getRefreshToken(tenantId, 'google').catch(() => null))
    return (await Promise.all(read)).filter((token, index) => token === `rt-${tenants[index]}`).length
  }
  return { table, db, old, vaultWith, vault: vaultWith(during), rows, target, readable }
}

describe.each(databases)('$database', ({ open }) => {
  it('seals every record anew, changes nothing else, and has nothing to do the second time', async () => {
    const { vault, rows, readable, old } = await start(open, 12)
    await old.revokeGrant(google('t11'))
    const was = await rows()
    const pages: RotationProgress[] = []
    const done = await vault.rotate({ onProgress: (progress) => pages.push(progress) })
    expect(done).toEqual({ rows: 11, resealed: 11, unreadable: 0, foreign: 0, cursor: pages.at(-1)!.cursor })
    const is = await rows()
    expect(is).toEqual(
      was.map((row, index) => ({ ...row, encryptedValue: is[index]!.encryptedValue, kid: is[index]!.kid })),
    )
    const sealed = is.filter(({ kid }) => kid !== null)
    expect(sealed.map(({ encryptedValue }) => recordKeyIds(encryptedValue!)[0])).toEqual(sealed.map(({ kid }) => kid))
    expect(await vault.rotate()).toMatchObject({ rows: 11, resealed: 0 })
    expect(await rows()).toEqual(is)
    expect(await readable(after)).toBe(11)
  })

  it('only counts when asked to, and goes on where somebody stopped', async () => {
    const { vault, rows, readable } = await start(open, 130)
    const was = await rows()
    expect(await vault.rotate({ dryRun: true })).toMatchObject({ rows: 130, resealed: 130 })
    expect(await rows()).toEqual(was)
    let stopped = ''
    const stop = vault.rotate({
      concurrency: 10,
      onProgress({ rows, resealed, cursor }) {
        expect([rows, resealed]).toEqual([100, 100])
        stopped = cursor
        throw new Error('enough')
      },
    })
    await expect(stop).rejects.toThrow('enough')
    expect(await readable(after)).toBe(100)
    expect(await vault.rotate({ cursor: stopped })).toMatchObject({ rows: 30, resealed: 30 })
    expect(await readable(after)).toBe(130)
  })

  it.each(['ACTIVE', 'REFRESH_FAILED', 'LOST_ROTATION'])(
    'a record of an %s grant that does not open is in quarantine until it opens',
    async (status) => {
      const { vault, vaultWith, db, target, rows } = await start(open, 3)
      const read = () => vault.getGrant(google('t0'))
      const set = (change: ReturnType<typeof sql>) =>
        db.execute(sql`update ${target} set ${change} where tenant_id = 't0'`)
      const kept = (await rows()).find(({ tenantId }) => tenantId === 't0')!.encryptedValue
      await set(
        sql`status = ${status}, encrypted_value = set_byte(encrypted_value, 150, get_byte(encrypted_value, 150) # 1)`,
      )
      expect(await vault.rotate()).toMatchObject({ rows: 3, resealed: 2, unreadable: 1 })
      const { grants } = await vault.listGrants({ status: 'QUARANTINED' })
      expect(grants).toMatchObject([{ tenantId: 't0', status: 'QUARANTINED', version: 1 }])
      await expect(read()).rejects.toMatchObject({ code: 'ERR_WAXSEAL_INTEGRITY' })
      expect(await vault.rotate()).toMatchObject({ rows: 3, resealed: 0, unreadable: 1 })

      await set(sql`encrypted_value = ${kept}`)
      expect(await vaultWith(before).getGrant(google('t0'))).toMatchObject({ status, tokens: { refresh_token: {} } })
      expect(await vault.countGrants()).toMatchObject({ QUARANTINED: 0 })
      await set(sql`status = 'QUARANTINED', status_before = ${status}`)
      expect(await vault.rotate()).toMatchObject({ resealed: 1, unreadable: 0 })
      expect(await read()).toMatchObject({ status })
      await set(sql`status = 'QUARANTINED', status_before = ${status}`)
      expect(await vault.rotate()).toMatchObject({ resealed: 0, unreadable: 0 })
      expect((await vault.listGrants({ tenantId: 't0' })).grants).toMatchObject([{ status }])
    },
  )

  it('a process with the wrong key, or another encryption context, takes no grant out of use', async () => {
    const { vaultWith, rows } = await start(open, 3)
    const was = await rows()
    const elsewhere = vaultWith(sealing(`${newer},${older}`, 'elsewhere'))
    await expect(elsewhere.rotate()).rejects.toMatchObject({ code: 'ERR_WAXSEAL_INTEGRITY' })
    await vaultWith(after).putGrant({ ...google('t3'), tokens: tokens('t3') })
    expect(await vaultWith(after).rotate()).toMatchObject({ rows: 4, resealed: 0, unreadable: 0, foreign: 3 })
    const is = await rows()
    expect(is.filter(({ tenantId }) => tenantId !== 't3')).toEqual(was)
  })

  it('a grant that is being revoked stays so, and is sealed anew all the same', async () => {
    const { vault, rows, db, target } = await start(open, 3)
    await db.execute(sql`update ${target} set status = 'REVOKING' where tenant_id in ('t0', 't1')`)
    await db.execute(sql`update ${target} set encrypted_value = '\\xec' where tenant_id = 't1'`)
    expect(await vault.rotate()).toMatchObject({ rows: 3, resealed: 2, unreadable: 1 })
    expect(new Set((await rows()).map(({ tenantId, status }) => `${tenantId} ${status}`))).toEqual(
      new Set(['t0 REVOKING', 't1 REVOKING', 't2 ACTIVE']),
    )
  })

  it('a refresh under way loses nothing, whichever of the two writes first', async () => {
    const { table, db, readable } = await start(open, 2)
    const options = { db, table, envelope: during }
    const refresh = async () => {
      // Claimed, and the provider has rotated; the record that the claim read is another by the time of the commit.
      expect(await vault.rotate()).toMatchObject({ rows: 2, resealed: 2 })
      return { access_token: 'at-new', refresh_token: 'rt-new', expires_in: 3600 }
    }
    const vault = createTokenVault({ ...options, providers: { google: { refresh } } })
    expect(await vault.refreshGrant(google('t0'))).toMatchObject({ accessToken: 'at-new', version: 2 })
    expect(await vault.getRefreshToken('t0', 'google')).toBe('rt-new')
    expect(await readable(after)).toBe(1)
  })

  it('a write that comes between its read and its write stays, and is sealed anew if it must be', async () => {
    const { table, db, old, vaultWith } = await start(open, 1)
    let writes = 0
    const envelope: Envelope = {
      ...during,
      with: (context) => {
        const inner = during.with(context)
        return Object.assign(Object.create(inner), {
          prepare: () => inner.prepare(),
          openJson: (...args: Parameters<Envelope['openJson']>) => inner.openJson(...args),
          async sealJson(...args: Parameters<Envelope['sealJson']>) {
            if (writes++ < 3) await old.storeToken('t0', 'google', 'access_token', { value: `at-${writes}` })
            return inner.sealJson(...args)
          },
        })
      },
      sealJson: during.sealJson,
    }
    const vault = createTokenVault({ db, table, envelope, providers })
    expect(await vault.rotate()).toMatchObject({ rows: 1, resealed: 1 })
    expect(writes).toBe(4)
    expect((await vaultWith(after).getGrant(google('t0')))!.tokens).toMatchObject({
      access_token: { value: 'at-3' },
      refresh_token: { value: 'rt-t0' },
    })
  })

  it('takes its time where it is told to, and ends when it is told to', async () => {
    const { vault, readable } = await start(open, 8)
    const reason = new Error('stop')
    await expect(vault.rotate({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await readable(after)).toBe(0)
    const startedAt = performance.now()
    expect(await vault.rotate({ limitPerSecond: 20, dryRun: true })).toMatchObject({ rows: 8 })
    expect(performance.now() - startedAt).toBeGreaterThan(390)
    const controller = new AbortController()
    const slow = vault.rotate({ limitPerSecond: 0.01, concurrency: 1, signal: controller.signal })
    await vi.waitFor(async () => expect(await readable(after)).toBe(1), { timeout: 10_000 })
    controller.abort(reason)
    await expect(slow).rejects.toBe(reason)
    expect(await readable(after)).toBe(1)
  })

  it.each([
    { concurrency: 0 },
    { concurrency: 101 },
    { limitPerSecond: 0 },
    { limitPerSecond: Number.NaN },
    { cursor: 'x' },
  ])('refuses %j', async (options) => {
    const { vault } = await start(open, 0)
    await expect(vault.rotate(options)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
  })
})

it.each(servers.slice(0, 1))(
  'after a crash at any of its statements every record opens, $database',
  async ({ open }) => {
    const { table, readable } = await start(open, 3)
    let left = 0
    const pool = new pg.Pool({ connectionString: inject('postgres'), max: 1 })
    onTestFinished(() => pool.end())
    const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>
    const failing = (...args: unknown[]) => (left-- > 0 ? query(...args) : Promise.reject(new Error('no connection')))
    const db = drizzle({ client: Object.assign(pool, { query: failing }) })
    const steps: number[] = []
    for (let statements = 0; ; statements++) {
      left = statements
      const vault = createTokenVault({ db, table, envelope: during, providers })
      const ending = await vault.rotate({ concurrency: 1 }).then(
        () => 'done',
        (error: { code?: unknown }) => error.code,
      )
      expect(await readable(during)).toBe(3)
      steps.push(await readable(after))
      if (ending === 'done') break
      expect(ending).toBe('ERR_WAXSEAL_STORE_UNAVAILABLE')
    }
    // One record with the third statement, the two others with the next try's third and fourth.
    expect(new Set(steps)).toEqual(new Set([0, 1, 3]))
  },
)
