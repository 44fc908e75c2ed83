import assert from 'node:assert/strict'
import type { TestRunner } from '../test-runner.ts'
import { dataOf, newSession, type SetUp } from './set-up.ts'

const ID = 'session-id-of-128-bits-0f9d8c7b6a'
const SECRET = 'what-only-this-session-holds'

/** What can be read from a table, and what can be done to it. */
export function tableCases(it: TestRunner['it'], setUp: SetUp): void {
  it('writes no session id into the table: who reads it can use none', async () => {
    const { store, rawRows } = await setUp()
    await store.set(ID, newSession())
    assert.equal(await store.length(), 1)
    assert.ok(!appearsIn(await rawRows(), ID), 'the session id stands in the table')
  })

  it('writes nothing of a session into the table that can be read there', async () => {
    const { store, rawRows } = await setUp()
    await store.set(ID, newSession({ note: SECRET }))
    assert.equal((await store.get(ID))?.note, SECRET)
    assert.ok(!appearsIn(await rawRows(), SECRET), 'a value of the session stands in the table')
  })

  it('opens no row in the place of another: exchanged rows are no sessions, and stay', async () => {
    const { store, reopen, rawRows, swapRows, events } = await setUp()
    await store.set('of-ada', newSession({ user: 'ada' }))
    await store.set('of-eve', newSession({ user: 'eve' }))
    await swapRows('of-ada', 'of-eve')
    for (const reader of [store, await reopen()]) {
      assert.equal(await reader.get('of-eve'), null)
      assert.equal(await reader.get('of-ada'), null)
      assert.deepEqual(await reader.ids(), [])
    }
    assert.deepEqual(new Set(events.map(({ type }) => type)), new Set(['unreadable']))
    assert.equal((await rawRows()).length, 2)
  })

  it('ends a session at its absolute end, wherever its row says that it ends', async () => {
    const { store, reopen, clock, moveEnds } = await setUp({ ttlSeconds: 100, maxLifetimeSeconds: 350 })
    await store.set('id', newSession())
    await moveEnds('id', clock.now() + 10_000_000)
    clock.advanceSeconds(349)
    assert.deepEqual(dataOf(await store.get('id')), { name: 'ada' })
    clock.advanceSeconds(1)
    for (const reader of [store, await reopen()]) assert.equal(await reader.get('id'), null)
  })

  it('takes the key of a row for no session id', async () => {
    const { store, copyRow } = await setUp()
    await store.set('id', newSession())
    await copyRow('id', 'planted')
    assert.equal(await store.get('planted'), null)
  })
}

/** Whether a text stands in a value, as it is, in base64 or in hexadecimal. */
function appearsIn(value: unknown, text: string): boolean {
  if (typeof value === 'string') return formsOf(text).some((form) => value.includes(form))
  if (value instanceof Uint8Array) return appearsIn(Buffer.from(value).toString('latin1'), text)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some((entry) => entry.some((part) => appearsIn(part, text)))
}

function formsOf(text: string): string[] {
  const bytes = Buffer.from(text)
  // In base64 a text looks different at each of three places; the characters that its neighbours shape are cut off.
  const base64 = [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const own = encoded.slice(before === 0 ? 0 : before + 1, Math.floor(((before + bytes.length) * 8) / 6))
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })
  return [text, ...base64, bytes.toString('hex'), bytes.toString('hex').toUpperCase()]
}
