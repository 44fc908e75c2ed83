/** The keys under which users' ids become tags: who makes them, who finds them, how long they count. */
import { generateKey, localKeyring } from '@waxseal/core'
import { type FakeClock, fakeClock } from '@waxseal/testing'
import { beforeEach, expect, it } from 'vitest'
import { MemoryTable } from '../src/index.ts'
import { IndexKeys } from '../src/index-keys.ts'
import { envelope, newEnvelope, ObservedTable } from './support/stores.ts'

const signal = { aborted: false, onabort: null }
const DAY = 86_400

let table: ObservedTable
let clock: FakeClock
let unreadable: (string | undefined)[]

beforeEach(() => {
  table = new ObservedTable()
  clock = fakeClock()
  unreadable = []
})

/** What one process has. */
function process(change: { envelope?: typeof envelope; logicalName?: string } = {}): IndexKeys {
  const report = (_type: string, _operation: string, key?: string) => unreadable.push(key)
  return new IndexKeys({ table, envelope, logicalName: 'sessions', clock, report, ...change })
}

const keyRow = (number: number) => MemoryTable.prototype.get.call(table, `#waxseal/index-key/${number}`)

it('is made by the first process that needs it, and found by all', async () => {
  expect(await process().tagsOf('ada', signal)).toEqual([])
  const processes = Array.from({ length: 20 }, () => process())
  const tags = await Promise.all(processes.map((keys) => keys.tagFor('ada', undefined, signal)))
  expect(new Set(tags).size).toBe(1)
  expect(tags[0]).toMatch(/^[\w-]{43}$/)
  expect(await process().tagsOf('ada', signal)).toEqual([tags[0]])
  expect(await keyRow(1)).toBeDefined()
  expect(await keyRow(2)).toBe(undefined)
})

it('stands sealed in the table, never expires, and is no session', async () => {
  const tag = await process().tagFor('ada', undefined, signal)
  const row = (await keyRow(1))!
  expect(row.expiresAt).toBeGreaterThan(clock.now() + 1000 * 365 * DAY * 1000)
  expect((await table.list()).rows).toEqual([])
  const place = { purpose: 'session', table: 'sessions', key: row.key }
  expect(await envelope.with({ purpose: 'session' }).open(row.record, place)).toHaveLength(32)
  expect(Buffer.from(row.record).includes(tag)).toBe(false)
})

it('gives every user a tag of its own, under every logical name and in every table', async () => {
  const keys = process()
  const users = ['ada', 'Ada', '', '["ada"]', 'ada","', '\0', '\ud800', '\ud801', '\\ud800', '5', '5.0']
  const tags = await Promise.all(users.map((user) => keys.tagFor(user, undefined, signal)))
  tags.push(await process({ logicalName: 'sessions","ada' }).tagFor('', undefined, signal))
  table = new ObservedTable()
  tags.push(await process().tagFor('ada', undefined, signal))
  expect(new Set(tags).size).toBe(users.length + 2)
})

it('asks the table no more than once an hour for writing, and each time for a lookup', async () => {
  const keys = process()
  await keys.tagFor('ada', undefined, signal)
  table.calls.length = 0
  for (let n = 0; n < 100; n++) await keys.tagFor('ada', undefined, signal)
  expect(table.calls).toEqual([])
  clock.advanceSeconds(3600)
  for (let n = 0; n < 100; n++) await keys.tagFor('ada', undefined, signal)
  expect(table.calls).toEqual(['get'])
  for (let n = 0; n < 3; n++) await keys.tagsOf('ada', signal)
  expect(table.calls).toHaveLength(4)
})

it('asks again after the clock was put back', async () => {
  const keys = process()
  await keys.tagFor('ada', undefined, signal)
  clock.setNow(clock.now() - 10 * 3_600_000)
  table.calls.length = 0
  await keys.tagFor('ada', undefined, signal)
  expect(table.calls).toEqual(['get'])
})

it('is replaced by one of several processes that ask at once, without a gap', async () => {
  await process().tagFor('ada', undefined, signal)
  await Promise.all(Array.from({ length: 10 }, () => process().rotate(signal)))
  expect(await keyRow(2)).toBeDefined()
  expect(await keyRow(3)).toBe(undefined)
  expect(await process().tagsOf('ada', signal)).toHaveLength(2)
})

it('makes the first key where there is none to replace', async () => {
  await process().rotate(signal)
  expect(await keyRow(1)).toBeDefined()
  expect(await keyRow(2)).toBe(undefined)
})

it('counts beside its successor for lookups however long ago it was replaced, and for writing no more', async () => {
  const keys = process()
  const old = await keys.tagFor('ada', undefined, signal)
  await keys.rotate(signal)
  const [first, second] = await process().tagsOf('ada', signal)
  expect(first).toBe(old)
  expect(await process().tagFor('ada', undefined, signal)).toBe(second)
  clock.advanceSeconds(100 * 365 * DAY)
  expect(await process().tagsOf('ada', signal)).toEqual([old, second])
})

it('goes on being used by a process that has not heard of its successor, but never over a row under that one', async () => {
  const [late, early] = [process(), process()]
  const old = await late.tagFor('ada', undefined, signal)
  await early.rotate(signal)
  const next = await early.tagFor('ada', old, signal)
  expect(next).not.toBe(old)
  expect(await late.tagFor('ada', undefined, signal)).toBe(old)
  expect(await late.tagFor('ada', next, signal)).toBe(next)
  expect(await late.tagFor('ada', undefined, signal)).toBe(next)
})

it('is heard of by every lookup at once', async () => {
  const [late, early] = [process(), process()]
  const old = await late.tagFor('ada', undefined, signal)
  await early.rotate(signal)
  expect(await late.tagsOf('ada', signal)).toEqual([old, await early.tagFor('ada', undefined, signal)])
})

it('is passed over where it cannot be opened, and kept: another one is made', async () => {
  const own = await process().tagFor('ada', undefined, signal)
  const stranger = newEnvelope(localKeyring(generateKey()))
  const other = await process({ envelope: stranger }).tagFor('ada', undefined, signal)
  expect(other).not.toBe(own)
  expect(unreadable).toEqual(['#waxseal/index-key/1'])
  expect(await process({ envelope: stranger }).tagsOf('ada', signal)).toEqual([other])
  expect(await process().tagFor('ada', undefined, signal)).toBe(own)
})

it('is not taken from another row, another logical name, or a session', async () => {
  await process().tagFor('ada', undefined, signal)
  const { record } = (await keyRow(1))!
  await table.insert({ ...(await keyRow(1))!, key: '#waxseal/index-key/2', record }, clock.now())
  expect(await process().tagsOf('ada', signal)).toHaveLength(1)
  expect(await process({ logicalName: 'staff' }).tagsOf('ada', signal)).toEqual([])
  expect(unreadable.length).toBeGreaterThanOrEqual(3)
})

it('fails where the database does: a guess would hide sessions', async () => {
  const keys = process()
  await keys.tagFor('ada', undefined, signal)
  table.before = () => Promise.reject(new Error('down'))
  await expect(keys.tagsOf('ada', signal)).rejects.toThrow('down')
  await expect(process().tagFor('ada', undefined, signal)).rejects.toThrow('down')
})
