/** Rows that somebody who can write the table has put together from others: none of them is a session. */
import { describe, expect, it } from 'vitest'
import { SessionStore, sessionKey } from '../src/index.ts'
import { envelope, ObservedTable, setUp } from './support/stores.ts'

describe('a record opens nowhere but where it was written', () => {
  it('not in another row, under another logical name, of another tenant or app', async () => {
    const places = ['ada', 'eve'].flatMap((id) =>
      ['sessions', 'staff'].flatMap((logicalName) =>
        [undefined, 'a', 'b'].map((tenant) => {
          const own = tenant === undefined ? envelope : envelope.with({ tenant })
          const { table, store, tamper, rowOf } = setUp({ logicalName, envelope: own }, new ObservedTable())
          return { id, table, store, tamper, rowOf }
        }),
      ),
    )
    for (const { id, store } of places) await store.set(id, { user: id })
    const records = await Promise.all(places.map(async ({ id, rowOf }) => (await rowOf(id)).record))
    for (const [from, record] of records.entries()) {
      for (const [to, { id, store, tamper }] of places.entries()) {
        await tamper(id, { record })
        expect(await store.get(id)).toEqual(from === to ? { user: id } : null)
      }
    }
  })

  it('not as a session, when it was sealed for another purpose', async () => {
    const { store, tamper, events } = setUp()
    await store.set('id', { user: 'ada' })
    const sealed = { id: 'id', session: { user: 'eve' }, createdAt: 0, absoluteExpiresAt: 9e15 }
    const place = { purpose: 'session', table: 'sessions', key: sessionKey('id') }
    const others = [
      await envelope.sealJson(sealed, place),
      await envelope.with({ purpose: 'grant' }).sealJson(sealed, place),
      await envelope.with({ purpose: 'session' }).sealJson(sealed, { ...place, purpose: 'grant' }),
    ]
    for (const record of others) {
      await tamper('id', { record })
      expect(await store.get('id')).toBe(null)
    }
    expect(events).toMatchObject(Array(3).fill({ type: 'unreadable', code: 'ERR_WAXSEAL_INTEGRITY' }))
  })
})

it('sealed __proto__ and members of Object reach no prototype, neither of the session nor of its cookie', async () => {
  const { store, tamper } = setUp()
  await store.set('id', {})
  const session = '{"__proto__":{"admin":true},"user":"ada","cookie":{"__proto__":{"httpOnly":false},"path":"/"}}'
  const sealed = { id: 'id', session: JSON.parse(session), createdAt: 0, absoluteExpiresAt: 9e15 }
  const place = { purpose: 'session', table: 'sessions', key: sessionKey('id') }
  await tamper('id', { record: await envelope.with({ purpose: 'session' }).sealJson(sealed, place) })
  const loaded = await store.get<{ admin?: boolean; user: string; cookie: { httpOnly?: boolean } }>('id')
  expect(loaded).toMatchObject({ user: 'ada' })
  expect([loaded!.admin, loaded!.cookie.httpOnly, ({} as { admin?: boolean }).admin]).toEqual(Array(3).fill(undefined))
})

it('the key of a row is no session id: who has stolen the table signs in as nobody', async () => {
  const { store, table } = setUp()
  const ids = Array.from({ length: 50 }, (_, i) => `session-${i}`)
  for (const id of ids) await store.set(id, { user: id })
  const { rows } = await table.list()
  expect(rows).toHaveLength(ids.length)
  for (const { key } of rows) {
    expect(ids).not.toContain(key)
    expect(await new SessionStore(table, { envelope }).get(key)).toBe(null)
  }
})
