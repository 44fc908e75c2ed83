/** The table of the outbox: who sees its rows, how it comes to be there, and how an app takes events out of it. */
import { randomUUID } from 'node:crypto'
import { getTableName, inArray, sql } from 'drizzle-orm'
import { integer, text, uuid } from 'drizzle-orm/pg-core'
import { describe, expect, inject, it } from 'vitest'
import type { PostgresDatabase } from '../../src/database.ts'
import {
  createTokenVault,
  createTokenVaultOutbox,
  createTokenVaultTable,
  migrateTokenVault,
  type TokenVaultOutbox,
  tokenVaultSql,
  withTenant,
} from '../../src/vault/index.ts'
import { databases, openNodePostgres, servers } from '../support/databases.ts'
import { withOutbox } from './support/outboxes.ts'
import { google, times } from './support/refreshing.ts'
import { drivers, grant, newGuardedVault } from './support/roles.ts'
import { envelope, providers } from './support/vaults.ts'

const token = { access_token: { value: 'at' } }
const of = (tenantId: string) => ({ tenantId, provider: 'google' as const })
const misuse = { code: 'ERR_WAXSEAL_ARGUMENT' }

describe.each(drivers)('$driver', ({ open }) => {
  async function start() {
    const { db, systemDb, owner, roles, table } = await newGuardedVault(open)
    const outbox = createTokenVaultOutbox({
      name: `events_${randomUUID().replaceAll('-', '')}`,
      rls: { systemRole: roles.system },
    })
    await migrateTokenVault(owner, outbox)
    await grant(owner, roles, getTableName(outbox))
    const options = { db, table, outbox, envelope, providers }
    return { ...options, systemDb, owner, vault: createTokenVault({ ...options, systemDb }), options }
  }

  it('under row-level security a tenant sees its own events, the system’s role all of them', async () => {
    const { vault, db, systemDb, owner, outbox } = await start()
    for (const tenantId of ['1', '2']) await vault.putGrant({ ...of(tenantId), tokens: token })
    await vault.deleteGrant(of('1'))
    const seenBy = (tenantId: string) => withTenant(db, tenantId, (tx) => tx.select().from(outbox).orderBy(outbox.id))
    expect(await seenBy('1')).toMatchObject([{ event: 'stored' }, { event: 'deleted' }])
    expect(await seenBy('2')).toMatchObject([{ event: 'stored', tenantId: '2' }])
    expect(await db.select().from(outbox)).toEqual([])
    expect(await owner.select().from(outbox)).toEqual([])
    expect(await systemDb.select().from(outbox)).toHaveLength(3)
    const foreign = sql`insert into ${outbox} (grant_id, tenant_id, event, at) values (gen_random_uuid(), '2', 'stored', now())`
    await expect(withTenant(db, '1', (tx) => tx.execute(foreign))).rejects.toThrow()
  })

  it('pruneOutbox needs systemDb, and a role of it that sees all events', async () => {
    const { vault, options, systemDb, owner, outbox } = await start()
    await vault.putGrant({ ...of('1'), tokens: token })
    await expect(createTokenVault(options).pruneOutbox({ olderThanSeconds: 0 })).rejects.toMatchObject(misuse)
    expect(await vault.pruneOutbox({ olderThanSeconds: 0 })).toBe(1)
    await vault.putGrant({ ...of('1'), tokens: token })
    await owner.execute(sql`drop policy ${sql.identifier(`${getTableName(outbox)}_system`)} on ${outbox}`)
    const blind = createTokenVault({ ...options, systemDb })
    await expect(blind.pruneOutbox({ olderThanSeconds: 0 })).rejects.toMatchObject({ code: 'ERR_WAXSEAL_CONFIG' })
  })
})

describe.each(databases)('$database', ({ open }) => {
  it('migrateTokenVault makes the outbox too, once only, also for tenants that are uuids', async () => {
    const db = await open()
    const column = () => uuid('tenant').notNull()
    const table = createTokenVaultTable({ name: `vault_${randomUUID()}`, tenantId: column() })
    const outbox = createTokenVaultOutbox({ name: `outbox_${randomUUID()}`, tenantId: column() })
    await Promise.all([migrateTokenVault(db, table), migrateTokenVault(db, outbox), migrateTokenVault(db, outbox)])
    const vault = createTokenVault({ db, table, outbox, envelope, providers })
    const tenantId = randomUUID()
    const { id } = await vault.putGrant({ ...of(tenantId), tokens: token })
    await vault.deleteProviderTokens(tenantId, 'google')
    expect(await db.select().from(outbox).orderBy(outbox.id)).toMatchObject([
      { grantId: id, tenantId, event: 'stored' },
      { grantId: id, tenantId, event: 'deleted' },
    ])
    expect(tokenVaultSql(outbox)).toContain('"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY')
  })

  it('takes names as they are', async () => {
    const db = await open()
    const column = () => text('The "tenant"; --').notNull()
    const named = (name: string) => ({ name: `The "${name}"; drop ${randomUUID()}`.slice(0, 40), tenantId: column() })
    const [table, outbox] = [createTokenVaultTable(named('vault')), createTokenVaultOutbox(named('outbox'))]
    await migrateTokenVault(db, table)
    await migrateTokenVault(db, outbox)
    const vault = createTokenVault({ db, table, outbox, envelope, providers })
    await vault.putGrant({ ...of(`'; drop table x; --`), tokens: token })
    expect(await db.select().from(outbox)).toMatchObject([{ tenantId: `'; drop table x; --`, event: 'stored' }])
    expect(await vault.pruneOutbox({ olderThanSeconds: 0 })).toBe(1)
  })

  it('an outbox that is not there fails the call, by its name', async () => {
    const { newVault } = await withOutbox(await open())
    const call = newVault({ outbox: createTokenVaultOutbox({ name: 'not_there' }) }).putGrant({
      ...google,
      tokens: token,
    })
    await expect(call).rejects.toMatchObject({ code: 'ERR_WAXSEAL_TABLE_INVALID', message: /not_there/ })
  })
})

describe.each(servers)('$database', ({ open }) => {
  it('events that workers take out of it, several at once, are handled once each; of one that dies, by another', async () => {
    const { vault, outbox, events, db } = await withOutbox(await open())
    await times(40, (index) => vault.putGrant({ ...google, account: String(index), tokens: token }))
    const handled: string[] = []
    const dies = async () => {
      throw new Error('worker died')
    }
    await expect(takeEvents(db, outbox, dies)).rejects.toThrow('worker died')
    await times(4, async () => {
      while ((await takeEvents(db, outbox, async ({ grantId }) => void handled.push(grantId))) > 0);
    })
    expect(new Set(handled).size).toBe(40)
    expect(handled).toHaveLength(40)
    expect(await events()).toEqual([])
  })
})

type Outbox = Awaited<ReturnType<typeof withOutbox>>['outbox']

/** As the guide has it. */
async function takeEvents(
  db: PostgresDatabase,
  outbox: Outbox,
  handle: (event: Outbox['$inferSelect']) => Promise<void>,
): Promise<number> {
  return db.transaction(async (tx) => {
    const events = await tx.select().from(outbox).orderBy(outbox.id).limit(10).for('update', { skipLocked: true })
    for (const event of events) await handle(event)
    const ids = events.map(({ id }) => id)
    if (ids.length > 0) await tx.delete(outbox).where(inArray(outbox.id, ids))
    return events.length
  })
}

it.each<[string, () => TokenVaultOutbox]>([
  ['another type of tenant', () => createTokenVaultOutbox({ tenantId: uuid('tenant_id').notNull() })],
  ['row-level security where the vault has none', () => createTokenVaultOutbox({ rls: true })],
  ['what is no outbox', () => createTokenVaultTable() as never],
])('refuses an outbox with %s', (_, outbox) => {
  const { db, close } = openNodePostgres(inject('postgres'))
  expect(() => createTokenVault({ db, outbox: outbox(), envelope, providers })).toThrow(expect.objectContaining(misuse))
  return close()
})

it('refuses an outbox without the row-level security of the vault, or of another system’s role', () => {
  const { db, close } = openNodePostgres(inject('postgres'))
  const table = createTokenVaultTable({ rls: { systemRole: 'system' } })
  for (const rls of [false, true, { systemRole: 'other' }] as const) {
    const outbox = createTokenVaultOutbox({ rls })
    expect(() => createTokenVault({ db, table, outbox, envelope, providers })).toThrow(expect.objectContaining(misuse))
  }
  return close()
})

it('refuses a tenant that may be null, or of a type that respells it', () => {
  for (const tenantId of [text('tenant_id'), integer('tenant_id'), text('tenant_id').array().notNull()]) {
    expect(() => createTokenVaultOutbox({ tenantId })).toThrow(expect.objectContaining(misuse))
  }
})

it('refuses a name that leaves no room for those of its indexes', () => {
  expect(() => createTokenVaultOutbox({ name: 'x'.repeat(49) })).toThrow(
    expect.objectContaining({ code: 'ERR_WAXSEAL_ARGUMENT', message: expect.stringContaining('48 bytes') }),
  )
})

it('a vault without an outbox has nothing to prune', async () => {
  const { db, close } = openNodePostgres(inject('postgres'))
  const vault = createTokenVault({ db, envelope, providers })
  await expect(vault.pruneOutbox({ olderThanSeconds: 1 })).rejects.toMatchObject(misuse)
  await close()
})
