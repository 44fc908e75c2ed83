/** Session ids come out of cookies: whatever they hold, each is one session of its own, and no database sees them. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MemoryTable, SessionStore } from '../src/index.ts'
import { envelope } from './support/stores.ts'

const known = [
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'null',
    'undefined',
    'NaN',
    '[object Object]',
    '0',
    '-0',
  ],
  ...["' OR '1'='1", "'; DROP TABLE sessions; --", '" OR ""="', '$1', '%', '_', '\\', '*', '{"$gt":""}', '{{id}}'],
  ...[':now', '#ttl', 'attribute_exists(id)', '#waxseal/user/ada', '#waxseal/index-key/1', '../sessions', 'a/b', 'a:b'],
  ...[
    '\0',
    'id\0',
    ' ',
    'id',
    ' id',
    'id ',
    'ID',
    'id\n',
    '\r\nset-cookie: a=b',
    '\u200b',
    '\ufeff',
    '\ufeffid',
    '\u202eid',
  ],
  ...['\u00e9', 'e\u0301', '\ufb01', 'fi', '\u{1f511}', '\uffff', '\ud7ff', 'x'.repeat(4096), `${'x'.repeat(4096)}y`],
]

it('10,000 hostile ids are 10,000 sessions, and what reaches the table is a hash each time', async () => {
  const keys = new Set<string>()
  const table = new MemoryTable()
  const insert = table.insert.bind(table)
  table.insert = (row, now) => {
    keys.add(row.key)
    return insert(row, now)
  }
  const store = new SessionStore(table, { envelope })
  const any = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.constantFrom(...known).chain((id) => fc.string({ maxLength: 3 }).map((more) => id + more)),
  )
  const ids = new Set(known)
  while (ids.size < 10_000) for (const id of fc.sample(any, 1000)) if (id.isWellFormed()) ids.add(id)

  const numbered = [...ids].map((id, number) => ({ id, number }))
  for (const { id, number } of numbered) expect(await store.set(id, { number })).toBe(true)
  for (const { id, number } of numbered) expect(await store.get(id)).toEqual({ number })
  expect(new Set(await store.ids())).toEqual(ids)
  expect(keys.size).toBe(ids.size)
  for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(Object.keys(Object.prototype)).toEqual([])
}, 120_000)
