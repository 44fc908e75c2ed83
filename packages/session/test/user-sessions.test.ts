/** The sessions of one user: which they are, what is said of them, and that no table can be read for whose they are. */
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryTable, type SessionOptions, SessionStore, sessionKey } from '../src/index.ts'
import { envelope, ObservedTable, setUp } from './support/stores.ts'

const DAY = 86_400
const userId = (session: Record<string, unknown>) => session.user as string
const label = (session: Record<string, unknown>) => session.device as string | undefined
const browserCookie = { originalMaxAge: null, expires: null }

describe('what is said of a session', () => {
  it('when it began, was last seen and ends, and its label; last seen first', async () => {
    const { clock, store } = setUp({ userId, label, touchAfterSeconds: 60 })
    const start = clock.now()
    await store.set('phone', { user: 'ada', device: 'phone', cookie: browserCookie })
    clock.advanceSeconds(DAY)
    await store.set('laptop', {
      user: 'ada',
      cookie: { originalMaxAge: 3_600_000, expires: new Date(clock.now() + 3_600_000) },
    })
    await store.set('eve', { user: 'eve', device: 'tablet' })
    clock.advanceSeconds(600)
    const phone = await store.get('phone')
    await store.touch('phone', phone!)
    expect(await store.sessionsOf('ada')).toEqual([
      {
        key: sessionKey('phone'),
        createdAt: new Date(start),
        lastSeenAt: new Date(clock.now()),
        expiresAt: new Date(clock.now() + 7 * DAY * 1000),
        label: 'phone',
      },
      {
        key: sessionKey('laptop'),
        createdAt: new Date(start + DAY * 1000),
        lastSeenAt: new Date(start + DAY * 1000),
        expiresAt: new Date(start + DAY * 1000 + 3_600_000),
      },
    ])
  })

  it('never that it was seen before it began, or in times to come', async () => {
    const { clock, store } = setUp({ userId, maxLifetimeSeconds: DAY })
    await store.set('short', { user: 'ada' })
    await store.set('fixed', { user: 'ada', cookie: { expires: new Date(clock.now() + 3_600_000) } })
    clock.advanceSeconds(60)
    for (const { createdAt, lastSeenAt, expiresAt } of await store.sessionsOf('ada')) {
      expect(lastSeenAt.getTime()).toBeGreaterThanOrEqual(createdAt.getTime())
      expect(lastSeenAt.getTime()).toBeLessThanOrEqual(clock.now())
      expect(expiresAt.getTime()).toBeGreaterThan(clock.now())
    }
  })

  it('nothing of one that has expired', async () => {
    const { clock, store } = setUp({ userId })
    await store.set('old', { user: 'ada' })
    clock.advanceSeconds(8 * DAY)
    await store.set('new', { user: 'ada' })
    expect((await store.sessionsOf('ada')).map(({ key }) => key)).toEqual([sessionKey('new')])
    expect(await store.destroyAllOf('ada')).toBe(1)
  })
})

it('the table, the errors and the events hold no id of a user', async () => {
  const table = new ObservedTable()
  const { store, events } = setUp({ userId, label }, table)
  await store.set('id', { user: 'ada@example.com' })
  await store.sessionsOf('ada@example.com')
  const { rows } = await MemoryTable.prototype.list.call(table)
  const key = await MemoryTable.prototype.get.call(table, '#waxseal/index-key/1')
  const seen = inspect([rows, key, events, await store.sessionsOf('ada@example.com')], { depth: 9 })
  expect(seen).not.toMatch(/ada|example/)
  expect(rows[0]!.userTag).toMatch(/^[\w-]{43}$/)
})

it('1,000 hostile ids are 1,000 users', async () => {
  const { store, rowOf } = setUp({ userId })
  const known = [
    '__proto__',
    '0',
    '#waxseal/user/x',
    "' OR 1=1 --",
    '\0',
    'a\0',
    ' ',
    '\u{1f511}',
    '\ud800',
    'x'.repeat(2000),
  ]
  const ids = new Set([
    ...known,
    ...fc.sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { numRuns: 1200, seed: 4 }),
  ])
  const users = [...ids].slice(0, 1000)
  expect(users).toHaveLength(1000)
  const tags = new Set<string | undefined>()
  for (const [index, user] of users.entries()) {
    await store.set(`session-${index}`, { user })
    tags.add((await rowOf(`session-${index}`)).userTag)
  }
  expect(tags.size).toBe(1000)
  expect(tags.has(undefined)).toBe(false)
  for (const [index, user] of users.entries()) {
    if (index % 50 !== 0 && index >= known.length) continue
    expect((await store.sessionsOf(user)).map(({ key }) => key)).toEqual([sessionKey(`session-${index}`)])
    expect(await store.destroyAllOf(user)).toBe(1)
  }
})

it('a number and its digits are the same user', async () => {
  const { store } = setUp({ userId: (session) => session.user as number })
  await store.set('a', { user: 5 })
  await store.set('b', { user: '5' })
  expect(await store.sessionsOf(5)).toHaveLength(2)
  expect(await store.destroyAllOf('5')).toBe(2)
})

describe('the option userId', () => {
  it.each([undefined, null, ''])('gives %j for nobody: such a session has no tag', async (user) => {
    const { store, rowOf } = setUp({ userId: () => user })
    await store.set('id', { a: 1 })
    expect((await rowOf('id')).userTag).toBe(undefined)
  })

  it.each([true, {}, ['a'], Number.NaN, Number.POSITIVE_INFINITY, 5n, Promise.resolve('ada')])(
    'that gives %o makes the session invalid',
    async (user) => {
      const { store } = setUp({ userId: () => user as never })
      await expect(store.set('id', { a: 1 })).rejects.toMatchObject({ code: 'ERR_WAXSEAL_SESSION_INVALID' })
      expect(await store.get('id')).toBe(null)
    },
  )

  it('that throws makes the session invalid, and what it threw stays inside', async () => {
    const { store } = setUp({
      userId: ({ secret }) => {
        throw new Error(`no user in ${secret}`)
      },
    })
    const error = await store.set('id', { secret: 'hunter2' }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_WAXSEAL_SESSION_INVALID' })
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2')
  })

  it('sees the data as it is stored, with its cookie', async () => {
    const seen: unknown[] = []
    const { store } = setUp({
      userId: (session) => {
        seen.push(session)
        return 'ada'
      },
    })
    await store.set('id', { at: new Date(0), cookie: browserCookie })
    expect(seen[0]).toEqual({ at: '1970-01-01T00:00:00.000Z', cookie: browserCookie })
  })

  it('that changes what it gets changes nothing', async () => {
    const { store } = setUp({
      userId: (session) => {
        session.user = 'eve'
        return 'ada'
      },
    })
    await store.set('id', { user: 'ada' })
    expect(await store.get('id')).toEqual({ user: 'ada' })
  })
})

it('what has no user, or no option, is an error at once', async () => {
  const { store, table } = setUp({ userId })
  const { store: without } = setUp()
  const calls = (on: SessionStore, user: string) => [
    on.sessionsOf(user),
    on.destroyAllOf(user),
    on.destroyOthersOf(user, 'id'),
    on.destroyOneOf(user, sessionKey('id')),
  ]
  const nobody = ['', undefined, null, Number.NaN, {}, true] as string[]
  const all = [...nobody.flatMap((user) => calls(store, user)), ...calls(without, 'ada'), without.rotateIndexKey()]
  for (const call of all) await expect(call).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
  await expect(store.destroyOthersOf('ada', '')).rejects.toMatchObject({ code: 'ERR_WAXSEAL_SESSION_INVALID' })
  expect(table.calls).toEqual([])
})

it('one session is ended by its key, of the user alone', async () => {
  const { store } = setUp({ userId })
  await store.set('a', { user: 'ada' })
  await store.set('e', { user: 'eve' })
  await store.set('n', {})
  const others = ['e', 'n', 'nobody'].map(sessionKey)
  for (const key of [...others, '', 'a', '#waxseal/index-key/1', `${sessionKey('a')} `, undefined as never]) {
    expect(await store.destroyOneOf('ada', key)).toBe(false)
  }
  expect(await store.destroyOneOf('ada', sessionKey('a'))).toBe(true)
  expect(await store.destroyOneOf('ada', sessionKey('a'))).toBe(false)
  expect((await store.ids()).sort()).toEqual(['e', 'n'])
})

it.each([null, 5, { name: 'phone' }, undefined])(
  '%o is no label: the session is listed without one',
  async (device) => {
    const { store } = setUp({ userId, label })
    await store.set('a', { user: 'ada', device })
    const [session] = await store.sessionsOf('ada')
    expect(session).toMatchObject({ key: sessionKey('a') })
    expect(session).not.toHaveProperty('label')
  },
)

it('a label that throws is an error without what it threw', async () => {
  const bad = () => {
    throw new Error('hunter2')
  }
  const { store } = setUp({ userId, label: bad })
  await store.set('a', { user: 'ada' })
  const error = await store.sessionsOf('ada').catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'ERR_WAXSEAL_SESSION_INVALID' })
  expect(inspect(error)).not.toContain('hunter2')
})

describe('rows that somebody who can write the table has made', () => {
  it('a session that carries another user’s tag is neither listed nor ended as theirs', async () => {
    const { store, rowOf, tamper } = setUp({ userId })
    await store.set('a', { user: 'ada' })
    await store.set('e', { user: 'eve' })
    await store.set('n', {})
    const { userTag } = await rowOf('a')
    for (const id of ['e', 'n']) await tamper(id, { userTag })
    expect((await store.sessionsOf('ada')).map(({ key }) => key)).toEqual([sessionKey('a')])
    expect(await store.destroyOneOf('ada', sessionKey('e'))).toBe(false)
    expect(await store.destroyAllOf('ada')).toBe(1)
    expect((await store.ids()).sort()).toEqual(['e', 'n'])
  })

  it('a row that does not open is not listed, and is ended: it carries the tag', async () => {
    const { store, tamper, rowOf, events } = setUp({ userId })
    await store.set('a', { user: 'ada' })
    await tamper('a', { record: (await rowOf('a')).record.map((byte) => byte ^ 1) })
    expect(await store.sessionsOf('ada')).toEqual([])
    expect(events).toMatchObject([{ type: 'unreadable', operation: 'sessionsOf' }])
    expect(await store.destroyAllOf('ada')).toBe(1)
  })

  it('a row under a forged tag gets its own back with the next write or due touch', async () => {
    const { store, clock, tamper, rowOf } = setUp({ userId })
    await store.set('a', { user: 'ada' })
    const { userTag } = await rowOf('a')
    await tamper('a', { userTag: 'f'.repeat(43) })
    clock.advanceSeconds(DAY)
    await store.touch('a', (await store.get('a'))!)
    expect((await rowOf('a')).userTag).toBe(userTag)
  })
})

describe('sessions from before', () => {
  const change = async (from: Partial<SessionOptions>, write: (store: SessionStore) => Promise<unknown>) => {
    const table = new ObservedTable()
    const { clock, rowOf } = setUp({}, table)
    await new SessionStore(table, { envelope, clock, ...from }).set('a', { user: 'ada' })
    clock.advanceSeconds(2 * 3600)
    const store = new SessionStore(table, { envelope, clock, userId })
    await write(store)
    return { store, clock, table, row: await rowOf('a') }
  }

  it('are found from their next write on', async () => {
    const { store } = await change({}, async (store) => {
      expect(await store.sessionsOf('ada')).toEqual([])
      const session = (await store.get('a'))!
      session.visits = 1
      await store.set('a', session)
    })
    expect(await store.sessionsOf('ada')).toHaveLength(1)
  })

  it('are found from their next due touch on, which keeps what they hold', async () => {
    const { store, clock, row, table } = await change({}, async (store) => store.touch('a', (await store.get('a'))!))
    expect(row.expiresAt).toBe(clock.now() + 7 * DAY * 1000)
    expect(await store.sessionsOf('ada')).toHaveLength(1)
    expect(await store.get('a')).toMatchObject({ user: 'ada' })
    table.calls.length = 0
    clock.advanceSeconds(2 * 3600)
    await store.touch('a', (await store.get('a'))!)
    expect(table.writes).toEqual(['extend'])
  })

  it('under an older index key get the newer one’s tag with the next due touch', async () => {
    const { store, clock, rowOf } = setUp({ userId })
    await store.set('a', { user: 'ada' })
    const { userTag } = await rowOf('a')
    await store.rotateIndexKey()
    expect(await store.sessionsOf('ada')).toHaveLength(1)
    clock.advanceSeconds(2 * 3600)
    await store.touch('a', (await store.get('a'))!)
    expect((await rowOf('a')).userTag).not.toBe(userTag)
    expect(await store.sessionsOf('ada')).toHaveLength(1)
    expect(await store.destroyAllOf('ada')).toBe(1)
  })

  it('of nobody are touched as ever', async () => {
    const { store, clock, table } = setUp({ userId })
    await store.set('a', { cart: 1 })
    clock.advanceSeconds(2 * 3600)
    table.calls.length = 0
    await store.touch('a', (await store.get('a'))!)
    expect(table.writes).toEqual(['extend'])
  })
})

describe('a login that meets the end of all of the user’s sessions', () => {
  class Ending extends ObservedTable {
    #isEnding = true
    override async insert(row: Parameters<MemoryTable['insert']>[0], now: number) {
      if (row.userTag === undefined || !this.#isEnding) return super.insert(row, now)
      this.#isEnding = false
      return { written: false, signedOut: true }
    }
  }

  it('is refused, not stored once more', async () => {
    const { store, events, table } = setUp({ userId }, new Ending())
    expect(await store.set('a', { user: 'ada' })).toBe(false)
    expect(events).toMatchObject([{ type: 'refused', operation: 'set' }])
    expect(await store.get('a')).toBe(null)
    expect((await table.list()).rows).toEqual([])
  })

  it.each([{}, { flash: 'welcome' }])('stays refused when the same object is saved again with %j', async (more) => {
    const { store, table } = setUp({ userId }, new Ending())
    const login = { user: 'ada' }
    await store.set('a', login)
    expect(await store.set('a', Object.assign(login, more))).toBe(false)
    expect((await table.list()).rows).toEqual([])
  })
})
