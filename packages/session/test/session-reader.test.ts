/** Records that open and are no sessions. */
import { expect, it } from 'vitest'
import { sessionKey } from '../src/index.ts'
import { envelope, setUp } from './support/stores.ts'

const whole = { id: 'id', session: { user: 'ada' }, createdAt: 0, absoluteExpiresAt: 9e15 }
const seal = (content: object) => {
  const context = { purpose: 'session', table: 'sessions', key: sessionKey('id') }
  return envelope.with({ purpose: 'session' }).sealJson(content, context)
}

it('a record that holds a whole session is read', async () => {
  const { store, tamper } = setUp()
  await store.set('id', {})
  await tamper('id', { record: await seal(whole) })
  expect(await store.get('id')).toEqual({ user: 'ada' })
})

it.each([
  ['an array as session', { session: [] }],
  ['null as session', { session: null }],
  ['no id', { id: undefined }],
  ['no creation', { createdAt: undefined }],
  ['no absolute end', { absoluteExpiresAt: undefined }],
])('a record that verifies but holds %s is unreadable', async (_, change) => {
  const { store, events, tamper } = setUp()
  await store.set('id', {})
  await tamper('id', { record: await seal({ ...whole, ...change }) })
  expect(await store.get('id')).toBe(null)
  expect(events).toMatchObject([{ type: 'unreadable', code: 'ERR_WAXSEAL_RECORD_MALFORMED' }])
})
