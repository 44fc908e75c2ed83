/** `version1: { write: true }`: for as long as older code serves the same users. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sessionKey } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import { afterEach, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { eventually, hold, inAnHour, sessionOf, Version1World } from './support/version1.ts'

interface Session extends Record<string, unknown> {
  user: string
}

const version1 = { write: true } as const
const inSeconds = (ttl: string | undefined) => Number(ttl) - Date.now() / 1000

describe.each(inject('engines'))('writing version 1 on $name', ({ endpoint }) => {
  let world: Version1World
  afterEach(() => world.stop())

  it('a new session is an item as older code writes them, and older code reads it', async () => {
    world = await Version1World.start(endpoint)
    const { store, takeCalls } = world.newInstance({ version1 })
    const cookie = { originalMaxAge: null, expires: null, path: '/' }
    const session: Session = { user: 'ada', cart: [1], cookie }
    expect(await store.set('id', session)).toBe(true)
    expect(takeCalls()).toEqual(['version1.get', 'version1.put', 'version1.get'])
    const item = (await world.stored('id'))!
    expect(item).toEqual({
      sessionId: { S: 'id' },
      encryptedData: { S: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) },
      encryptedKey: { S: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) },
      iv: { S: expect.stringMatching(/^[A-Za-z0-9+/]{16}$/) },
      authTag: { S: expect.stringMatching(/^[A-Za-z0-9+/]{22}==$/) },
      ttl: { N: expect.stringMatching(/^\d+$/) },
      version: { N: '1' },
    })
    expect(inSeconds(item.ttl!.N)).toBeGreaterThan(604_795)
    expect(inSeconds(item.ttl!.N)).toBeLessThan(604_802)
    expect(await world.oldGet('id')).toEqual(session)
    expect(await store.set('id', Object.assign(session, { user: 'grace' }))).toBe(true)
    expect(takeCalls()).toEqual(['version1.put'])
    expect(await world.oldGet('id')).toEqual({ user: 'grace', cart: [1], cookie })
    expect((await world.stored('id'))!.iv).not.toEqual(item.iv)
    expect((await world.stored('id'))!.encryptedKey).not.toEqual(item.encryptedKey)
  })

  it('what older code wrote stays of version 1, read and saved', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store, takeCalls, takeEvents } = world.newInstance({ version1 })
    const session = await store.get<Session>(id)
    await sleep(20)
    expect(await store.set(id, Object.assign(session!, { user: 'grace' }))).toBe(true)
    expect(takeCalls()).toEqual(['version1.get', 'version1.put'])
    expect(await world.versions(id)).toEqual([1])
    expect(await world.oldGet(id)).toMatchObject({ user: 'grace' })
    expect(takeEvents()).toEqual(['version1-read'])
  })

  it('a row of version 2 stays one, loaded or not', async () => {
    world = await Version1World.start(endpoint)
    await world.newInstance().store.set('id', sessionOf('ada'))
    const { store } = world.newInstance({ version1 })
    const session = await store.get<Session>('id')
    expect(await store.set('id', Object.assign(session!, { n: 1 }))).toBe(true)
    expect(await store.set('id', sessionOf('grace'))).toBe(true)
    expect(await world.versions('id')).toEqual([2])
    expect(await store.get('id')).toEqual(sessionOf('grace'))
  })

  it('an expired row of version 2 gives way to a row, since an item beside it would not be read', async () => {
    world = await Version1World.start(endpoint)
    const { store } = world.newInstance({ version1 })
    await world.newInstance().store.set('id', sessionOf('ada'))
    await world.put({ ...(await world.stored(sessionKey('id')))!, expiresAt: { N: '1' } })
    expect(await store.set('id', sessionOf('grace'))).toBe(true)
    expect(await store.get('id')).toMatchObject({ user: 'grace' })
  })

  it.each(['ours', 'older code'])('a sign-out by %s is final', async (by) => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store, takeEvents } = world.newInstance({ version1 })
    const session = await store.get<Session>(id)
    await (by === 'ours' ? world.newInstance({ version1 }).store.destroy(id) : world.oldDestroy(id))
    expect(await store.set(id, Object.assign(session!, { n: 1 }))).toBe(false)
    await store.touch(id, session!)
    expect(await world.versions(id)).toEqual([])
    expect(takeEvents()).toEqual(['version1-read', 'refused'])
  })

  it('an item that has expired meanwhile is not saved again', async () => {
    world = await Version1World.start(endpoint)
    const clock = fakeClock(Date.now())
    const id = await world.oldSession()
    const { store } = world.newInstance({ version1, clock })
    const session = await store.get<Session>(id)
    clock.advanceSeconds(604_801)
    expect(await store.set(id, Object.assign(session!, { n: 1 }))).toBe(false)
    expect(await store.get(id)).toBe(null)
  })

  it('a session that another process has upgraded meanwhile is saved as the row that it is now', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store, takeEvents } = world.newInstance({ version1 })
    const session = await store.get<Session>(id)
    await world.newInstance().store.get(id)
    await eventually(async () => (await world.versions(id)).join() === '2')
    expect(await store.set(id, Object.assign(session!, { user: 'grace' }))).toBe(true)
    expect(await world.versions(id)).toEqual([2])
    expect(await world.newInstance().store.get(id)).toMatchObject({ user: 'grace' })
    expect(takeEvents()).toEqual(['version1-read'])
  })

  it('a save between read and upgrade of another process is not taken back', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const accepting = world.newInstance()
    const { store } = world.newInstance({ version1 })
    const session = await store.get<Session>(id)
    const { reached, release } = hold(accepting, 'version1.remove')
    await accepting.store.get(id)
    await reached
    expect(await store.set(id, Object.assign(session!, { user: 'grace' }))).toBe(true)
    release()
    await eventually(async () => (await world.versions(id)).join() === '1')
    expect(await accepting.store.get(id)).toMatchObject({ user: 'grace' })
  })

  it('under lastWriteWins a save over one of older code wins, and is counted', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store, takeEvents } = world.newInstance({ version1, conflict: 'lastWriteWins' })
    const session = await store.get<Session>(id)
    await world.oldSet(id, sessionOf('grace'))
    expect(await store.set(id, Object.assign(session!, { n: 1 }))).toBe(true)
    expect(await store.set(id, Object.assign(session!, { n: 2 }))).toBe(true)
    expect(await world.oldGet(id)).toMatchObject({ user: 'ada', n: 2 })
    expect(takeEvents()).toEqual(['version1-read', 'overwritten'])
  })

  it('a touch moves ttl alone, forward only, of a live item, once enough time has passed', async () => {
    world = await Version1World.start(endpoint)
    const clock = fakeClock(Date.now())
    const id = await world.oldSession()
    const before = (await world.stored(id))!
    const { store, takeCalls } = world.newInstance({ version1, clock })
    const session = await store.get(id)
    const clockBehind = fakeClock(clock.now())
    const behind = world.newInstance({ version1, clock: clockBehind })
    const sessionBehind = await behind.store.get(id)
    clock.advanceSeconds(3590)
    await store.touch(id, session!)
    expect(takeCalls()).toEqual(['version1.get'])
    clock.advanceSeconds(50)
    await store.touch(id, session!)
    await store.touch(id, session!)
    expect(takeCalls()).toEqual(['version1.extend'])
    const after = (await world.stored(id))!
    expect(after).toEqual({ ...before, ttl: { N: String(Math.ceil(clock.now() / 1000) + 604_800) } })
    clockBehind.advanceSeconds(3620)
    await behind.store.touch(id, sessionBehind!)
    expect(behind.takeCalls()).toEqual(['version1.get', 'version1.extend'])
    expect(await world.stored(id)).toEqual(after)
  })

  it('a cookie with an end of its own moves along: older code under Fastify goes by it', async () => {
    world = await Version1World.start(endpoint)
    const clock = fakeClock(Date.now())
    const { store, takeCalls } = world.newInstance({ version1, clock })
    const cookieNow = () => ({ originalMaxAge: 3_600_000, expires: new Date(clock.now() + 3_600_000).toISOString() })
    await store.set('id', { user: 'ada', cookie: cookieNow() })
    takeCalls()
    for (let minutes = 0; minutes < 90; minutes += 5) {
      clock.advanceSeconds(300)
      const session = (await store.get<Session>('id'))!
      expect(await store.set('id', Object.assign(session, { cookie: cookieNow() }))).toBe(true)
    }
    const { cookie } = (await world.oldGet('id')) as { cookie: { expires: string } }
    expect(Date.parse(cookie.expires)).toBeGreaterThan(clock.now() + 3_000_000)
    expect(takeCalls().filter((call) => call === 'version1.put')).toHaveLength(9)
  })

  it('the maxAge of a cookie decides the ttl', async () => {
    world = await Version1World.start(endpoint)
    const { store } = world.newInstance({ version1 })
    await store.set('id', { cookie: { originalMaxAge: 3_600_000, expires: inAnHour().toISOString() } })
    expect(inSeconds((await world.stored('id'))!.ttl!.N)).toBeLessThan(3602)
  })

  it('another cookie in a touch is stored beside the content that is there now', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const instance = world.newInstance({ version1 })
    const session = (await instance.store.get<Session>(id))!
    const cookie = { originalMaxAge: 7_200_000, expires: new Date(Date.now() + 7_200_000).toISOString() }
    const { reached, release } = hold(instance, 'version1.put')
    const touched = instance.store.touch(id, Object.assign(session, { cookie }))
    await reached
    await world.oldSet(id, { ...sessionOf('ada'), n: 1 })
    release()
    await touched
    expect(await world.oldGet(id)).toEqual({ user: 'ada', n: 1, cookie })
  })

  it('what is too large for an item is refused before KMS is asked', async () => {
    world = await Version1World.start(endpoint)
    const { store } = world.newInstance({ version1 })
    await store.set('id', { text: 'x'.repeat(300_000) })
    expect(await store.get('id')).toMatchObject({ text: expect.any(String) })
    world.kms.forgetCalls()
    const set = store.set('id', { text: 'x'.repeat(302_000) })
    await expect(set).rejects.toMatchObject({ code: 'ERR_WAXSEAL_SESSION_TOO_LARGE' })
    expect(world.kms.calls).toEqual([])
  })

  it('from the date on, version 2 alone is written', async () => {
    world = await Version1World.start(endpoint)
    const clock = fakeClock(Date.now())
    const acceptUntil = new Date(clock.now() + 1000)
    const id = await world.oldSession()
    const { store } = world.newInstance({ clock, version1: { write: true, acceptUntil } })
    const session = await store.get<Session>(id)
    await store.set('before', sessionOf('ada'))
    clock.advanceSeconds(1)
    await store.set('after', sessionOf('ada'))
    expect(await world.versions('before')).toEqual([1])
    expect(await world.versions('after')).toEqual([2])
    // Read while it was accepted: the save that belongs to that read makes it a row.
    expect(await store.set(id, Object.assign(session!, { n: 1 }))).toBe(true)
    expect(await world.versions(id)).toEqual([2])
  })
})
