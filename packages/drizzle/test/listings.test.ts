/** Listings on Postgres: pages by key, one part, rows that come and go meanwhile, aborts. */
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import type { SessionOptions } from '@waxseal/session'
import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, it } from 'vitest'
import { PostgresSessionStore } from '../src/session/index.ts'
import { databases, newTable, servers } from './support/databases.ts'

const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })

async function setUp(open: (typeof databases)[number]['open'], count: number, options: Partial<SessionOptions> = {}) {
  const db = await open()
  const table = await newTable(db)
  const store = new PostgresSessionStore({ db, table, envelope, pruneIntervalSeconds: 0, ...options })
  const ids = Array.from({ length: count }, (_, index) => `id-${index}`)
  await Promise.all(ids.map((id) => store.set(id, { of: id })))
  return { db, table, store, ids }
}

describe.each(databases)('on $database', ({ open }) => {
  // To start PGlite may take longer than a test.
  beforeAll(() => open())

  it.each([1, 4])(
    'sessions over several pages, read as %i parts, are listed once each and cleared',
    async (concurrency) => {
      const { store, ids } = await setUp(open, 150)
      const seen: string[] = []
      for await (const session of store.sessions<{ id: string; of: string }>({ concurrency })) {
        expect(session.of).toBe(session.id)
        seen.push(session.id)
      }
      expect(seen.sort()).toEqual([...ids].sort())
      expect(await store.length({ concurrency })).toBe(150)
      await store.clear({ concurrency })
      expect(await store.length()).toBe(0)
    },
  )

  it('sessions that come and go during a listing neither break it nor hide the others', async () => {
    const { store, ids } = await setUp(open, 150)
    const seen = new Set<string>()
    for await (const { id } of store.sessions()) {
      seen.add(id)
      if (seen.size === 50) await Promise.all([...seen].map((gone) => store.destroy(gone)))
      if (seen.size === 120) await store.set('late', {})
    }
    seen.delete('late')
    expect([...seen].sort()).toEqual([...ids].sort())
  })
})

describe.each(servers)('on $database', ({ open }) => {
  it('an abort ends a listing that waits for a lock', async () => {
    const { db, table, store } = await setUp(open, 1)
    const events: unknown[] = []
    store.on('failed', (event) => events.push(event))
    const controller = new AbortController()
    const reason = new Error('enough')
    await db.transaction(async (transaction) => {
      await transaction.execute(sql`lock table ${table} in access exclusive mode`)
      const listed = store.ids({ signal: controller.signal })
      controller.abort(reason)
      await expect(listed).rejects.toBe(reason)
    })
    expect(events).toEqual([])
    expect(await store.ids()).toEqual(['id-0'])
  })
})
