/** Two requests that change one session: what is kept, what is refused, and what the events say. */
import { WaxsealError } from '@waxseal/core'
import { describe, expect, it } from 'vitest'
import { type MemoryTable, type SessionOptions, type SessionStore, sessionKey } from '../src/index.ts'
import { ObservedTable, setUp, unavailable } from './support/stores.ts'

type Session = Record<string, unknown>

const conflict = { code: 'ERR_WAXSEAL_SESSION_CONFLICT' }
const browserCookie = { originalMaxAge: null, expires: null }
const inDays = (days: number) => ({ originalMaxAge: days * 86_400_000, expires: null })

/** Two processes on one table, each with the session loaded. */
async function race(options: Partial<SessionOptions> = {}, content: Session = {}) {
  const one = setUp(options)
  const two = setUp({ clock: one.clock, ...options }, one.table)
  await one.store.set('id', content)
  const [here, there] = [await one.store.get<Session>('id'), await two.store.get<Session>('id')]
  return { ...one, two, here: here!, there: there! }
}

const change = (store: SessionStore, session: Session, values: Session) =>
  store.set('id', Object.assign(session, values))

describe('under merge', () => {
  it('two keys that two requests changed are both kept, and one event says so', async () => {
    const { store, two, here, there, events } = await race({}, { user: 'ada', old: 1 })
    delete there.old
    expect(await change(two.store, there, { cart: [1] })).toBe(true)
    expect(await change(store, here, { theme: 'dark' })).toBe(true)
    expect(await store.get('id')).toEqual({ user: 'ada', cart: [1], theme: 'dark' })
    expect([...two.events, ...events]).toMatchObject([{ type: 'merged', operation: 'set', key: sessionKey('id') }])
  })

  it('what the other request stored stays when the same object is set again: absence is no deletion', async () => {
    const { store, two, here, there, events } = await race()
    await change(two.store, there, { cart: [1] })
    await change(store, here, { theme: 'dark' })
    expect(await change(store, here, { theme: 'light' })).toBe(true)
    expect(await store.get('id')).toEqual({ cart: [1], theme: 'light' })
    expect(events).toHaveLength(1)
  })

  it('an object is as it was after a merge: setting it unchanged writes nothing', async () => {
    const { store, two, here, there, table } = await race()
    await change(two.store, there, { cart: [1] })
    await change(store, here, { theme: 'dark' })
    const before = table.writes.length
    expect(await store.set('id', here)).toBe(true)
    expect(table.writes).toHaveLength(before)
    expect(await store.get('id')).toEqual({ cart: [1], theme: 'dark' })
  })

  it.each([
    ['the same key', { n: 1 }, { n: 2 }],
    ['the same key to the same value', { n: 1 }, { n: 1 }],
    ['a guarded key here', { user: 'grace' }, { mfa: true }],
    ['a guarded key there', { mfa: true }, { user: 'grace' }],
  ])('%s is a conflict: an error, an event, and the stored session as it was', async (_, mine, theirs) => {
    const { store, two, here, there, events } = await race({}, { user: 'ada', n: 0 })
    await change(two.store, there, theirs)
    const failure = change(store, here, mine)
    await expect(failure).rejects.toMatchObject({ ...conflict, retryable: false })
    await expect(failure).rejects.toBeInstanceOf(WaxsealError)
    expect(await store.get('id')).toEqual({ user: 'ada', n: 0, ...theirs })
    expect(events).toMatchObject([{ type: 'conflict', level: 'warn', operation: 'set', ...conflict }])
  })

  it('nothing is merged across two users', async () => {
    const userId = ({ account }: Session) => (account as { id: number } | undefined)?.id
    const { store, two, here, there } = await race({ userId }, { account: { id: 1, name: 'ada' } })
    await change(two.store, there, { account: { id: 2, name: 'grace' } })
    await expect(change(store, here, { mfa: true })).rejects.toMatchObject(conflict)
    const renamed = await race({ userId }, { account: { id: 1, name: 'ada' } })
    await change(renamed.two.store, renamed.there, { account: { id: 1, name: 'Ada' } })
    expect(await change(renamed.store, renamed.here, { mfa: true })).toBe(true)
  })

  it('nor is a user made of two requests, neither of which had that user', async () => {
    // Signed in once both the password and the second factor were right.
    const userId = ({ account, passed }: Session) => (passed ? (account as string) : undefined)
    const { store, two, here, there } = await race({ userId }, { theme: 'dark' })
    await change(two.store, there, { account: 'ada' })
    await expect(change(store, here, { passed: true })).rejects.toMatchObject(conflict)
    expect(await store.get('id')).toEqual({ theme: 'dark', account: 'ada' })
    expect(await store.sessionsOf('ada')).toEqual([])
  })

  it('a save that failed for a conflict fails again until the session is loaded anew', async () => {
    const { store, two, here, there } = await race({}, { n: 0 })
    await change(two.store, there, { n: 1 })
    await expect(change(store, here, { n: 1 })).rejects.toMatchObject(conflict)
    await expect(store.set('id', here)).rejects.toMatchObject(conflict)
    const anew = (await store.get<{ n: number }>('id'))!
    expect(await store.set('id', Object.assign(anew, { n: anew.n + 1 }))).toBe(true)
    expect(await store.get('id')).toEqual({ n: 2 })
  })

  it('many requests at once keep every key', async () => {
    const table = new ObservedTable()
    const stores = Array.from({ length: 8 }, () => setUp({}, table).store)
    await stores[0]!.set('id', {})
    const sessions = await Promise.all(stores.map((store) => store.get<Session>('id')))
    const stored = stores.map((store, index) => change(store, sessions[index]!, { [`key${index}`]: index }))
    expect(await Promise.all(stored)).toEqual(Array(8).fill(true))
    expect(await stores[0]!.get('id')).toEqual(Object.fromEntries(stores.map((_, index) => [`key${index}`, index])))
  })

  it('over a row that cannot be read is a conflict: another process may be able to', async () => {
    const { store, here, events, rowOf, tamper } = await race({}, { n: 0 })
    const { revision } = await rowOf('id')
    await tamper('id', { record: Buffer.from('from elsewhere'), revision: revision + 1 })
    await expect(change(store, here, { n: 1 })).rejects.toMatchObject(conflict)
    expect(events).toMatchObject([{ type: 'unreadable' }, { type: 'conflict' }])
  })
})

describe('under reject', () => {
  it('exactly one of two fails, whatever keys they changed', async () => {
    const { store, two, here, there, events } = await race({ conflict: 'reject' })
    const outcomes = await Promise.allSettled([change(store, here, { a: 1 }), change(two.store, there, { b: 2 })])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect([...events, ...two.events]).toMatchObject([{ type: 'conflict', ...conflict }])
    expect(Object.keys((await store.get('id'))!)).toHaveLength(1)
  })

  it('a row that was only written anew, or only touched, is in nobody’s way', async () => {
    const { store, here, rowOf, tamper, clock } = await race({ conflict: 'reject' })
    const { revision } = await rowOf('id')
    await tamper('id', { revision: revision + 1, expiresAt: clock.now() + 9e8 })
    expect(await change(store, here, { a: 1 })).toBe(true)
  })
})

describe('under lastWriteWins', () => {
  it('the last write wins as a whole, and is counted', async () => {
    const { store, two, here, there, events } = await race({ conflict: 'lastWriteWins' })
    await change(two.store, there, { cart: [1] })
    expect(await change(store, here, { theme: 'dark' })).toBe(true)
    expect(await store.get('id')).toEqual({ theme: 'dark' })
    expect(events).toMatchObject([{ type: 'overwritten', operation: 'set' }])
  })

  it('also over a row that cannot be read', async () => {
    const { store, here, rowOf, tamper } = await race({ conflict: 'lastWriteWins' })
    const { revision } = await rowOf('id')
    await tamper('id', { record: Buffer.from('from elsewhere'), revision: revision + 1 })
    expect(await change(store, here, { n: 1 })).toBe(true)
    expect(await store.get('id')).toEqual({ n: 1 })
  })
})

describe.each(['merge', 'lastWriteWins'] as const)('a touch with another cookie, under %s', (policy) => {
  const options = { conflict: policy }

  it('is stored beside the newer content, which a later set of the same object does not take back', async () => {
    const { store, two, here, there } = await race(options, { n: 0, cookie: browserCookie })
    await change(two.store, there, { n: 1 })
    await store.touch('id', Object.assign(here, { cookie: inDays(1) }))
    expect(await store.get('id')).toMatchObject({ n: 1, cookie: { originalMaxAge: 86_400_000 } })
    expect(await store.set('id', here)).toBe(true)
    expect(await store.get('id')).toMatchObject({ n: 1 })
  })

  it('whose session was signed out is refused', async () => {
    const { store, two, here, events } = await race(options, { cookie: browserCookie })
    await two.store.destroy('id')
    await store.touch('id', Object.assign(here, { cookie: inDays(1) }))
    expect(await store.get('id')).toBe(null)
    expect(events).toMatchObject([{ type: 'refused', operation: 'touch' }])
  })
})

describe('the cookie', () => {
  it('that both changed is a conflict; to a callback of touch no error, which would cut the response off', async () => {
    const { store, two, here, there, events } = await race({}, { cookie: browserCookie })
    await change(two.store, there, { cookie: inDays(1) })
    Object.assign(here, { cookie: inDays(2) })
    const error = await new Promise((resolve) => store.touch('id', here, resolve))
    expect(error).toBe(null)
    expect(events).toMatchObject([{ type: 'conflict', operation: 'touch' }])
    await expect(store.touch('id', here)).rejects.toMatchObject(conflict)
    expect(await store.get('id')).toMatchObject({ cookie: { originalMaxAge: 86_400_000 } })
  })

  it.each(['merge', 'reject'] as const)('that both gave alike is no conflict: frameworks do, %s', async (policy) => {
    const { store, two, here, there, events } = await race({ conflict: policy }, { cookie: browserCookie })
    const cookie = { ...browserCookie, partitioned: true }
    await change(two.store, there, { cookie })
    expect(await change(store, here, { cookie })).toBe(true)
    expect(events).toEqual([])
  })

  it('that another request gave a longer life keeps it, from this write on', async () => {
    const { store, two, here, there, rowOf, clock } = await race({}, { cookie: inDays(1) })
    await change(two.store, there, { cookie: inDays(9) })
    clock.advanceSeconds(3600)
    expect(await change(store, here, { theme: 'dark' })).toBe(true)
    expect((await rowOf('id')).expiresAt).toBe(clock.now() + 9 * 86_400_000)
  })

  it('that another request gave a shorter life is not prolonged by the object that has the old one', async () => {
    const { store, two, here, there, rowOf, clock } = await race({}, { cookie: inDays(9) })
    await change(two.store, there, { cookie: inDays(1) })
    await change(store, here, { theme: 'dark' })
    clock.advanceSeconds(7200)
    await store.touch('id', here)
    expect(await store.set('id', here)).toBe(true)
    expect((await rowOf('id')).expiresAt).toBe(clock.now() + 86_400_000)
  })
})

describe('a session made anew under the id of one that was signed out', () => {
  it.each(['merge', 'reject', 'lastWriteWins'] as const)(
    'is not the one a slow request loaded, under %s',
    async (policy) => {
      const { store, two, here, events } = await race({ conflict: policy }, { user: 'ada' })
      await two.store.destroy('id')
      await two.store.set('id', { user: 'grace' })
      expect(await change(store, here, { admin: true })).toBe(false)
      await store.touch('id', Object.assign(here, { cookie: inDays(1) }))
      expect(await store.get('id')).toEqual({ user: 'grace' })
      expect(events).toMatchObject([
        { type: 'refused', operation: 'set' },
        { type: 'refused', operation: 'touch' },
      ])
    },
  )

  it('nor where the row expired and was written over', async () => {
    const { store, two, here, clock } = await race({ ttlSeconds: 10 }, { user: 'ada' })
    clock.advanceSeconds(10)
    await two.store.set('id', { user: 'grace' })
    expect(await change(store, here, { admin: true })).toBe(false)
    expect(await store.get('id')).toEqual({ user: 'grace' })
  })

  it('nor where it took the place of a row that nobody could read', async () => {
    const { store, two, here, tamper } = await race({}, { user: 'ada' })
    await tamper('id', { record: Buffer.from('nobody’s') })
    await two.store.set('id', { user: 'grace' })
    expect(await change(store, here, { admin: true })).toBe(false)
    expect(await store.get('id')).toEqual({ user: 'grace' })
  })

  it('while one that was only overwritten is: its life went on', async () => {
    const { store, two, here } = await race({ conflict: 'lastWriteWins' }, { user: 'ada' })
    await two.store.set('id', { user: 'ada', cart: [1] })
    expect(await change(store, here, { theme: 'dark' })).toBe(true)
  })
})

/** Of an update; `undefined` where its answer arrives. */
type Fate = 'applied' | 'lost' | undefined

/** A table whose next updates are applied, or are not, and whose answers are lost. */
function losing(table: MemoryTable): { next: Fate[] } {
  const update = table.update.bind(table)
  const control: { next: Fate[] } = { next: [] }
  table.update = async (...rest) => {
    const fate = control.next.shift()
    if (fate !== 'lost') {
      const outcome = await update(...rest)
      if (fate === undefined) return outcome
    }
    return unavailable('ERR_WAXSEAL_STORE_UNAVAILABLE')
  }
  return control
}

describe.each(['merge', 'reject', 'lastWriteWins'] as const)(
  'after a write whose answer was lost, under %s',
  (policy) => {
    it.each(['applied', 'lost'] as const)('(it was %s) the next one goes on from what the row says', async (fate) => {
      const { store, here, events, table } = await race({ conflict: policy }, { n: 0 })
      losing(table).next = [fate]
      await expect(change(store, here, { n: 1 })).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' })
      expect(await change(store, here, { n: 2, theme: 'dark' })).toBe(true)
      expect(await store.get('id')).toEqual({ n: 2, theme: 'dark' })
      expect(await change(store, here, { n: 3 })).toBe(true)
      expect(events).toMatchObject([{ type: 'failed' }])
    })

    it.each<Fate[][]>([
      [['applied', 'lost']],
      [['applied', 'applied']],
      // The second save meets the first one's record and goes over it.
      [['applied', undefined, 'lost']],
      [['applied', undefined, 'applied']],
    ])('and another one (%j), the third is not in conflict with either', async (fates) => {
      const { store, here, table } = await race({ conflict: policy }, { n: 0 })
      losing(table).next = fates
      for (const n of [1, 2]) await expect(change(store, here, { n })).rejects.toMatchObject({ retryable: true })
      expect(await change(store, here, { n: 3 })).toBe(true)
      expect(await store.get('id')).toEqual({ n: 3 })
    })

    it.each(['applied', 'lost'] as const)('(it was %s) taking the change back is a change', async (fate) => {
      const { store, here, table } = await race({ conflict: policy }, { n: 0 })
      losing(table).next = [fate]
      await change(store, here, { n: 1 }).catch(() => {})
      expect(await change(store, here, { n: 0 })).toBe(true)
      expect(await store.get('id')).toEqual({ n: 0 })
    })
  },
)

describe('after a write whose answer was lost', () => {
  it.each(['applied', 'lost'] as const)('(it was %s) and another request’s write, nothing is merged', async (fate) => {
    const { store, two, here, table } = await race({}, { n: 0 })
    losing(table).next = [fate]
    await change(store, here, { n: 1 }).catch(() => {})
    const there = (await two.store.get<Session>('id'))!
    await change(two.store, there, { cart: [1] })
    await expect(change(store, here, { n: 0 })).rejects.toMatchObject(conflict)
    expect(await store.get('id')).toEqual({ n: fate === 'applied' ? 1 : 0, cart: [1] })
  })

  it('and another request’s write, lastWriteWins means all of it', async () => {
    const { store, two, here, table } = await race({ conflict: 'lastWriteWins' }, { n: 0 })
    losing(table).next = ['applied']
    await change(store, here, { n: 1 }).catch(() => {})
    const there = (await two.store.get<Session>('id'))!
    await change(two.store, there, { cart: [1] })
    expect(await change(store, here, { n: 0 })).toBe(true)
    expect(await store.get('id')).toEqual({ n: 0 })
  })

  it('a touch that would write the row anew, for the sake of its user’s tag, only postpones the expiry', async () => {
    const { clock, table, store: untagging } = setUp({}, new ObservedTable())
    await untagging.set('id', { n: 0, user: 'ada' })
    const { store } = setUp({ clock, userId: ({ user }) => user as string }, table)
    const here = (await store.get<Session>('id'))!
    losing(table).next = ['applied']
    await change(store, here, { n: 1 }).catch(() => {})
    clock.advanceSeconds(7200)
    await store.touch('id', here)
    expect(await store.get('id')).toMatchObject({ n: 1 })
    expect(table.writes.at(-1)).toBe('extend')
  })
})
