/** From an item of version 1 to a row of version 2: what may happen in between, and that nobody notices. */
import { startFaultProxy } from '@waxseal/engines'
import { sessionKey } from '@waxseal/session'
import { fakeClock } from '@waxseal/testing'
import { afterEach, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { eventually, failOnce, hold, inAnHour, sessionOf, Version1World } from './support/version1.ts'

interface Session extends Record<string, unknown> {
  user: string
}

describe.each(inject('engines'))('an upgrade on $name', ({ endpoint }) => {
  let world: Version1World
  afterEach(() => world.stop())

  const upgraded = (id: string) => eventually(async () => (await world.versions(id)).join() === '2')

  it('a read makes a row of the same content and expiry, and the item goes', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { ttl } = (await world.stored(id))!
    const { store, takeEvents, takeCalls } = world.newInstance()
    const session = await store.get<Session>(id)
    await upgraded(id)
    expect(takeCalls()).toEqual(['version1.get', 'insert', 'version1.get', 'version1.remove'])
    expect(await world.stored(sessionKey(id))).toMatchObject({
      ttl,
      expiresAt: { N: `${ttl!.N}000` },
      revision: { N: expect.stringMatching(/^\d+$/) },
      version: { N: '2' },
    })
    session!.user = 'grace'
    expect(await store.set(id, session!)).toBe(true)
    expect(await store.get(id)).toEqual(sessionOf('grace'))
    expect(takeCalls()).toEqual(['update', 'version1.get'])
    expect(takeEvents()).toEqual(['version1-read', 'version1-upgraded'])
  })

  it('the longest life begins with the upgrade, whatever ttl and cookie say', async () => {
    world = await Version1World.start(endpoint)
    const clock = fakeClock(Date.now())
    const options = { clock, maxLifetimeSeconds: 3600, version1: { acceptUntil: inAnHour() } }
    const { store } = world.newInstance(options)
    const id = await world.oldSession()
    await store.get(id)
    await upgraded(id)
    expect((await world.stored(sessionKey(id)))!.expiresAt).toEqual({ N: String(clock.now() + 3_600_000) })
    clock.advanceSeconds(3599)
    const session = await store.get<Session>(id)
    expect(await store.set(id, Object.assign(session!, { user: 'grace' }))).toBe(true)
    clock.advanceSeconds(1)
    expect(await store.get(id)).toBe(null)
  })

  it('a cookie that ends before ttl keeps its end; one that has ended does not end the session', async () => {
    world = await Version1World.start(endpoint)
    const { store } = world.newInstance()
    const soon = inAnHour().toISOString()
    const cookie = { originalMaxAge: 3_600_000, expires: soon }
    const id = await world.oldSession('ada', { cookie })
    await store.get(id)
    await upgraded(id)
    expect((await world.stored(sessionKey(id)))!.expiresAt).toEqual({ N: String(Date.parse(soon)) })
    const late = await world.oldSession('grace', { cookie: { ...cookie, expires: new Date(1).toISOString() } })
    const { ttl } = (await world.stored(late))!
    await store.get(late)
    await upgraded(late)
    expect((await world.stored(sessionKey(late)))!.expiresAt).toEqual({ N: `${ttl!.N}000` })
  })

  it('begins when the read has been answered', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const instance = world.newInstance()
    // With a data key at hand, nothing but the order is left to delay it.
    await instance.store.set('other', sessionOf('grace'))
    const order: string[] = []
    instance.before = (call) => void order.push(call)
    instance.store.get(id, () => order.push('answer'))
    await upgraded(id)
    expect(order).toEqual(['version1.get', 'answer', 'insert', 'version1.get', 'version1.remove'])
  })

  it('never delays or fails the read', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const instance = world.newInstance({ version1: { acceptUntil: inAnHour() }, timeoutMilliseconds: 300 })
    const { reached, release } = hold(instance, 'insert')
    expect(await instance.store.get(id)).toMatchObject({ user: 'ada' })
    await reached
    expect(await instance.store.get(id)).toMatchObject({ user: 'ada' })
    await eventually(() => instance.events.some(({ type }) => type === 'failed'))
    expect(instance.events.at(-1)).toMatchObject({ operation: 'upgrade', code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    release()
    await eventually(async () => {
      await instance.store.get(id)
      return (await world.versions(id)).join() === '2'
    })
  })

  it.each(['insert', 'version1.remove'])(
    'the database fails at %s: the session stays, and is upgraded in the end',
    async (call) => {
      world = await Version1World.start(endpoint)
      const clock = fakeClock(Date.now())
      const id = await world.oldSession()
      const instance = world.newInstance({ clock, version1: { acceptUntil: inAnHour() } })
      const { store, events } = instance
      failOnce(instance, call)
      const session = await store.get<Session>(id)
      await eventually(() => events.some(({ type, operation }) => type === 'failed' && operation === 'upgrade'))
      expect(await world.newInstance().store.get(id)).toMatchObject({ user: 'ada' })
      session!.user = 'grace'
      expect(await store.set(id, session!)).toBe(true)
      expect(await store.get(id)).toMatchObject({ user: 'grace' })
      clock.advanceSeconds(1000)
      expect(await store.get(id)).toMatchObject({ user: 'grace' })
      await upgraded(id)
    },
  )

  it.each(['insert', 'version1.remove'])(
    'the database fails at %s of a save: an error, and the session stays',
    async (call) => {
      world = await Version1World.start(endpoint)
      const id = await world.oldSession()
      const instance = world.newInstance()
      failOnce(instance, 'insert')
      const session = await instance.store.get<Session>(id)
      await eventually(() => instance.events.some(({ type }) => type === 'failed'))
      failOnce(instance, call)
      session!.user = 'grace'
      await expect(instance.store.set(id, session!)).rejects.toThrow('down')
      expect(await world.newInstance().store.get(id)).toMatchObject({ user: call === 'insert' ? 'ada' : 'grace' })
      // As it was read: but nobody can know whether that is what the table says by now.
      session!.user = 'ada'
      expect(await instance.store.set(id, session!)).toBe(true)
      expect(await world.newInstance().store.get(id)).toMatchObject({ user: 'ada' })
    },
  )

  it('KMS fails: the session stays as it is, and its saves are errors', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store } = world.newInstance()
    world.kms.fail('access-denied', { operation: 'GenerateDataKey' })
    const session = await store.get<Session>(id)
    session!.user = 'grace'
    await expect(store.set(id, session!)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_KEY_DENIED' })
    expect(await world.versions(id)).toEqual([1])
    world.kms.recover()
    expect(await store.set(id, session!)).toBe(true)
    expect(await world.versions(id)).toEqual([2])
  })

  it('two processes at once: one row, and both go on with it', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const [one, two] = [world.newInstance(), world.newInstance()]
    const holds = [hold(one, 'insert'), hold(two, 'insert')]
    const sessions = [await one.store.get<Session>(id), await two.store.get<Session>(id)]
    await Promise.all(holds.map(({ reached }) => reached))
    for (const { release } of holds) release()
    await upgraded(id)
    expect(await one.store.set(id, Object.assign(sessions[0]!, { cart: [1] }))).toBe(true)
    expect(await two.store.set(id, Object.assign(sessions[1]!, { theme: 'dark' }))).toBe(true)
    expect(await one.store.get(id)).toMatchObject({ cart: [1], theme: 'dark' })
    // The one that came second knows of the row: its save does not begin with another insert.
    const calls = [...one.takeCalls(), ...two.takeCalls()]
    expect(calls.filter((call) => call === 'insert')).toHaveLength(2)
    const events = [...one.takeEvents(), ...two.takeEvents()].sort()
    expect(events).toEqual(['merged', 'version1-read', 'version1-read', 'version1-upgraded'])
  })

  it('a process ends between both steps: the row wins, and a later read removes the item', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const crashing = world.newInstance()
    const { reached } = hold(crashing, 'version1.remove')
    await crashing.store.get(id)
    await reached
    expect(await world.versions(id)).toEqual([1, 2])
    await world.oldSet(id, sessionOf('eve'))
    const clock = fakeClock(Date.now())
    const { store, takeCalls } = world.newInstance({ clock, version1: { acceptUntil: inAnHour() } })
    expect(await store.get(id)).toMatchObject({ user: 'ada' })
    clock.advanceSeconds(600)
    expect(await store.get(id)).toMatchObject({ user: 'ada' })
    // The upgrade may still be under way in a process whose clock is behind ours.
    expect(takeCalls()).toEqual(['version1.get', 'version1.get'])
    clock.advanceSeconds(600)
    const writing = world.newInstance({ clock, version1: { write: true } })
    expect(await writing.store.get(id)).toMatchObject({ user: 'ada' })
    await writing.store.touch(id, sessionOf('ada'))
    expect(writing.takeCalls()).toEqual(['version1.get', 'version1.get'])
    expect(await store.get(id)).toMatchObject({ user: 'ada' })
    await upgraded(id)
    expect(await store.get(id)).toMatchObject({ user: 'ada' })
  })

  it('an answer that is lost on the way is no sign-out', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const proxy = await startFaultProxy(endpoint)
    const instance = world.newInstance(undefined, proxy.endpoint)
    instance.before = async (call) => {
      if (call !== 'version1.remove') return
      await proxy.setMode('cut')
      setTimeout(() => proxy.setMode('pass'), 60)
    }
    await instance.store.get(id)
    await eventually(() => instance.events.some(({ type }) => type === 'version1-upgraded'))
    await proxy.stop()
    expect(await world.versions(id)).toEqual([2])
    expect(await world.newInstance().store.get(id)).toMatchObject({ user: 'ada' })
  })

  it('a save by older code between read and upgrade is not taken back', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const instance = world.newInstance()
    const { reached, release } = hold(instance, 'insert')
    await instance.store.get(id)
    await reached
    await world.oldSet(id, sessionOf('grace'))
    release()
    await eventually(() => instance.takeCalls().includes('version1.removeRow'))
    await eventually(async () => (await world.versions(id)).join() === '1')
    expect(await instance.store.get(id)).toMatchObject({ user: 'grace' })
    await upgraded(id)
    expect(instance.takeEvents()).toEqual(['version1-read', 'version1-read', 'version1-upgraded'])
  })

  it('under lastWriteWins a save of ours over a newer one of older code wins, and is counted', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const instance = world.newInstance({ version1: { acceptUntil: inAnHour() }, conflict: 'lastWriteWins' })
    failOnce(instance, 'insert')
    const session = await instance.store.get<Session>(id)
    await eventually(() => instance.events.some(({ type }) => type === 'failed'))
    await world.oldSet(id, sessionOf('grace'))
    expect(await instance.store.set(id, Object.assign(session!, { n: 1 }))).toBe(true)
    expect(await world.versions(id)).toEqual([2])
    expect(await instance.store.get(id)).toMatchObject({ user: 'ada', n: 1 })
    expect(instance.takeEvents()).toEqual(['version1-read', 'failed', 'overwritten', 'version1-upgraded'])
  })

  it("the same request's own save and sign-out wait for it", async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store, takeCalls, takeEvents } = world.newInstance()
    const session = await store.get<Session>(id)
    session!.user = 'grace'
    const saved = store.set(id, session!)
    const signedOut = store.destroy(id)
    expect(await saved).toBe(true)
    await signedOut
    const upgrade = ['insert', 'version1.get', 'version1.remove']
    expect(takeCalls()).toEqual(['version1.get', ...upgrade, 'update', 'version1.remove', 'delete'])
    expect(await world.versions(id)).toEqual([])
    expect(takeEvents()).toEqual(['version1-read', 'version1-upgraded'])
  })

  it('trap 5: a save or touch with nothing to do calls back at once while it is under way', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const instance = world.newInstance()
    const { reached, release } = hold(instance, 'insert')
    const session = await instance.store.get(id)
    await reached
    const answers: string[] = []
    instance.store.set(id, session!, () => answers.push('set'))
    instance.store.touch(id, session!, () => answers.push('touch'))
    expect(answers).toEqual(['set', 'touch'])
    release()
    await upgraded(id)
  })

  it('a touch upgrades where the read could not', async () => {
    world = await Version1World.start(endpoint)
    const clock = fakeClock(Date.now())
    const id = await world.oldSession()
    const instance = world.newInstance({ clock, version1: { acceptUntil: inAnHour() } })
    failOnce(instance, 'insert')
    const session = await instance.store.get<Session>(id)
    await eventually(() => instance.events.some(({ type }) => type === 'failed'))
    clock.advanceSeconds(3700)
    await instance.store.touch(id, session!)
    expect(await world.versions(id)).toEqual([2])
    const { expiresAt } = (await world.stored(sessionKey(id)))!
    expect(expiresAt).toEqual({ N: String(clock.now() + 604_800_000) })
  })

  it('a copy, which counts as not loaded, becomes a row at once; the item stays behind and is not read', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store } = world.newInstance()
    expect(await store.set(id, sessionOf('grace'))).toBe(true)
    expect(await world.versions(id)).toEqual([1, 2])
    expect(await store.get(id)).toMatchObject({ user: 'grace' })
    await store.destroy(id)
    expect(await world.versions(id)).toEqual([])
  })
})
