/** The contract of every session store, on PostgreSQL and PGlite. */
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { sessionKey } from '@waxseal/session'
import { type ContractOptions, type Fault, sessionStoreContract } from '@waxseal/testing'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type PostgresDatabase, PostgresSessionStore } from '../src/session/index.ts'
import { databases, newTable } from './support/databases.ts'

const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })

/** Puts a fault in the place of the driver, as far as Drizzle calls it. */
function faultsOf(db: PostgresDatabase): (fault: Fault) => void {
  const { $client: driver } = db as unknown as { $client: { query(...args: unknown[]): Promise<unknown> } }
  const query = driver.query.bind(driver)
  const failure = () => Object.assign(new Error('connect ENOENT /var/run/postgresql'), { code: 'ENOENT' })
  return (fault) => {
    if (fault === 'none') driver.query = query
    if (fault === 'silent') driver.query = () => new Promise(() => {})
    if (fault === 'unreachable') driver.query = () => Promise.reject(failure())
  }
}

// By node-postgres alone: the calls of postgres.js return queries of its own kind, which no fault can stand in for.
describe.each(databases.filter(({ database }) => !database.includes('postgres.js')))('$database', ({ open }) => {
  let setFault: ReturnType<typeof faultsOf> | undefined
  // To start PGlite may take longer than a case.
  beforeAll(() => open())
  afterAll(() => setFault?.('none'))

  sessionStoreContract({ describe, it }, async (options) => {
    const db = await open()
    setFault ??= faultsOf(db)
    setFault('none')
    const table = await newTable(db)
    const ofSession = (id: string) => eq(table.key, sessionKey(id))
    const rowOf = async (id: string) => (await db.select().from(table).where(ofSession(id)))[0]!
    const newStore = (change: Partial<ContractOptions> = {}) =>
      new PostgresSessionStore({ db, table, envelope, pruneIntervalSeconds: 0, ...options, ...change })
    return {
      store: newStore(),
      reopen: newStore,
      rawRows: () => db.select().from(table),
      async swapRows(id, other) {
        const [{ key: _key, ...row }, { key: _otherKey, ...otherRow }] = [await rowOf(id), await rowOf(other)]
        await db.update(table).set(otherRow).where(ofSession(id))
        await db.update(table).set(row).where(ofSession(other))
      },
      async copyRow(id, key) {
        await db.insert(table).values({ ...(await rowOf(id)), key })
      },
      async moveEnds(id, at) {
        await db.update(table).set({ expiresAt: at }).where(ofSession(id))
      },
      setFault,
    }
  })
})
