/** What a table writer can do to a row: the session reads as none, the row stays, an event says which class of fault. */
import { randomInt } from 'node:crypto'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { type SessionOptions, sessionKey } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import { expect, it } from 'vitest'
import { encryptionContext, envelope, keys, type SuiteDatabase } from './database.ts'
import { eventsOf, sessionOf } from './support.ts'
import { rowOf, tamper } from './tampering.ts'

export function badRecordCases(database: SuiteDatabase): void {
  async function setUp(options: Partial<SessionOptions> = {}) {
    const { port, newStore } = await database.newTable()
    const store = newStore({ envelope, ...options })
    return { port, newStore, store, events: eventsOf(store, 'unreadable', 'expired', 'failed') }
  }

  it('any flipped byte: no session, an event, the row kept', async () => {
    const { port, store, events } = await setUp()
    await store.set('id', sessionOf('ada'))
    const row = await rowOf(port, 'id')
    const { length } = row.record
    for (const position of [0, 1, 2, 3, 4, 5, 6, 7, 20, length >> 1, length - 17, length - 1]) {
      const record = Buffer.from(row.record)
      record[position]! ^= 1
      await tamper(port, row, { record })
      expect(await store.get('id')).toBe(null)
      expect(events.pop()).toMatchObject({ type: 'unreadable', key: sessionKey('id'), operation: 'get' })
      expect(Buffer.from((await rowOf(port, 'id')).record)).toEqual(record)
    }
    expect(events).toEqual([])
  })

  it('a record from another row, and one from a table of another logical name', async () => {
    const { port, newStore, store, events } = await setUp()
    await store.set('ada', sessionOf('ada'))
    await store.set('eve', sessionOf('eve'))
    await tamper(port, await rowOf(port, 'eve'), { record: (await rowOf(port, 'ada')).record })
    expect(await store.get('eve')).toBe(null)
    const staff = newStore({ envelope, logicalName: 'staff' })
    const staffEvents = eventsOf(staff, 'unreadable')
    expect(await staff.get('ada')).toBe(null)
    expect(events).toMatchObject([{ type: 'unreadable', code: 'ERR_WAXSEAL_INTEGRITY' }])
    expect(staffEvents).toMatchObject([{ code: 'ERR_WAXSEAL_INTEGRITY' }])
  })

  it('a wrong key, a wrong encryption context, an unknown version', async () => {
    const { port, newStore, store, events } = await setUp()
    await store.set('id', sessionOf('ada'))
    const others = [
      createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext }),
      createEnvelope({ keyring: localKeyring(keys), encryptionContext: { app: 'other' } }),
    ]
    for (const other of others) expect(await newStore({ envelope: other }).get('id')).toBe(null)
    const row = await rowOf(port, 'id')
    const record = Buffer.from(row.record)
    record[1] = 3
    await tamper(port, row, { record })
    expect(await store.get('id')).toBe(null)
    expect(events).toMatchObject([{ type: 'unreadable', code: 'ERR_WAXSEAL_UNSUPPORTED_VERSION' }])
  })

  it('a rotated key: rows under the old one still open, new ones take the first', async () => {
    const { port, newStore, store } = await setUp()
    await store.set('old', sessionOf('ada'))
    const rotated = createEnvelope({ keyring: localKeyring(`${generateKey()},${keys}`), encryptionContext })
    const next = newStore({ envelope: rotated })
    expect(await next.get('old')).toMatchObject({ user: 'ada' })
    await next.set('new', sessionOf('grace'))
    expect((await rowOf(port, 'new')).kid).not.toEqual((await rowOf(port, 'old')).kid)
  })

  it('a row key from a stolen table is no session id', async () => {
    const { port, store } = await setUp()
    await store.set('id', sessionOf('ada'))
    expect(await store.get((await rowOf(port, 'id')).key)).toBe(null)
  })

  it('an expired row that is still in the table: null, and null again after a new login under its id', async () => {
    const clock = fakeClock()
    const { store, events } = await setUp({ clock, ttlSeconds: 60 })
    await store.set('id', sessionOf('ada'))
    clock.advanceSeconds(60)
    expect(await store.get('id')).toBe(null)
    expect(events).toMatchObject([{ type: 'expired', level: 'debug' }])
    await store.set('id', sessionOf('grace'))
    expect(await store.get('id')).toMatchObject({ user: 'grace' })
  })

  it('hostile session ids stay apart and harm nobody', async () => {
    const { store } = await setUp()
    const text = () => String.fromCodePoint(...Array.from({ length: randomInt(1, 20) }, () => randomInt(0x110000)))
    const random = Array.from({ length: 40 }, text).filter((id) => id.isWellFormed())
    const chosen = ['#waxseal/user/x', ':now', '__proto__', "'; drop table x; --", '\0', 'x'.repeat(5000)]
    const hostile = [...new Set([...random, ...chosen])]
    await Promise.all(hostile.map((id, index) => store.set(id, { index })))
    const found = await Promise.all(hostile.map((id) => store.get<{ index: number }>(id)))
    expect(found.map((entry) => entry?.index)).toEqual(hostile.map((_, index) => index))
    expect(new Set(await store.ids())).toEqual(new Set(hostile))
    await store.clear()
    expect(await store.length()).toBe(0)
  })
}
