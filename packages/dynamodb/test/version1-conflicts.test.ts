/** Sessions of version 1 that two sides change at once: older code and ours, or two processes of ours. */
import { startFaultProxy } from '@waxseal/engines'
import { afterEach, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { failOnce, hold, inAnHour, sessionOf, Version1World } from './support/version1.ts'

type Session = Record<string, unknown>

const write = { write: true } as const
const accept = { acceptUntil: inAnHour() }

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  let world: Version1World
  afterEach(() => world.stop())

  /** A process of ours that has read the session, and has not upgraded it. */
  async function loaded(version1: typeof write | typeof accept, content: Session = {}) {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession('ada', content)
    const instance = world.newInstance({ version1 })
    if (version1 !== write) failOnce(instance, 'insert')
    const session = (await instance.store.get<Session>(id))!
    while (version1 !== write && instance.events.at(-1)?.type !== 'failed') await new Promise(setImmediate)
    instance.takeEvents()
    return { ...instance, instance, id, session }
  }

  describe.each([
    ['written', write, 1],
    ['upgraded', accept, 2],
  ] as const)('while version 1 is %s', (_, version1, version) => {
    it('what older code and a save of ours changed in different keys is kept', async () => {
      const { store, id, session, takeEvents } = await loaded(version1)
      await world.oldSet(id, { ...sessionOf('ada'), cart: [1] })
      expect(await store.set(id, Object.assign(session, { theme: 'dark' }))).toBe(true)
      expect(await store.set(id, Object.assign(session, { theme: 'light' }))).toBe(true)
      expect(await world.versions(id)).toEqual([version])
      expect(await world.newInstance().store.get(id)).toMatchObject({ user: 'ada', cart: [1], theme: 'light' })
      expect(takeEvents().filter((event) => event !== 'version1-upgraded')).toEqual(['merged'])
    })

    it('the same key is a conflict, and what older code stored stays', async () => {
      const { store, id, session, takeEvents } = await loaded(version1, { n: 0 })
      await world.oldSet(id, { ...sessionOf('ada'), n: 1 })
      const code = 'ERR_WAXSEAL_SESSION_CONFLICT'
      await expect(store.set(id, Object.assign(session, { n: 1, m: 1 }))).rejects.toMatchObject({ code })
      expect(await world.oldGet(id)).toEqual({ ...sessionOf('ada'), n: 1 })
      expect(await world.versions(id)).toEqual([1])
      expect(takeEvents()).toEqual([`conflict ${code}`])
    })

    it('an item that nobody can read any more is a conflict', async () => {
      const { store, id, session } = await loaded(version1)
      await world.put({ ...(await world.stored(id))!, authTag: { S: 'AAAAAAAAAAAAAAAAAAAAAA==' } })
      const code = 'ERR_WAXSEAL_SESSION_CONFLICT'
      await expect(store.set(id, Object.assign(session, { n: 1 }))).rejects.toMatchObject({ code })
    })

    it('a save whose answer was lost is known again', async () => {
      const { store, instance, id, session, takeEvents } = await loaded(version1)
      instance.after = (call) => {
        if (call !== 'version1.put' && call !== 'insert') return
        instance.after = () => {}
        throw new Error('the answer is lost')
      }
      await expect(store.set(id, Object.assign(session, { n: 1 }))).rejects.toThrow('lost')
      expect(await store.set(id, Object.assign(session, { n: 2, theme: 'dark' }))).toBe(true)
      expect(await world.newInstance().store.get(id)).toMatchObject({ n: 2, theme: 'dark' })
      expect(takeEvents().filter((event) => event !== 'version1-upgraded')).toEqual(['failed'])
    })
  })

  it('a session that was not loaded is no item beside the row of an upgrade that came in between', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession('ada')
    const instance = world.newInstance({ version1: write })
    const { store, takeEvents } = instance
    const { reached, release } = hold(instance, 'version1.put')
    const stored = store.set(id, sessionOf('grace'))
    await reached
    await world.newInstance().store.get(id)
    while ((await world.versions(id)).join() !== '2') await new Promise(setImmediate)
    release()
    expect(await stored).toBe(true)
    expect(await world.newInstance().store.get(id)).toMatchObject({ user: 'grace' })
    expect(takeEvents()).toEqual(['overwritten'])
  })

  it('a database that falls silent under an upgrade leaves a save most of its time', async () => {
    world = await Version1World.start(endpoint)
    const proxy = await startFaultProxy(endpoint)
    const id = await world.oldSession('ada')
    const instance = world.newInstance({ version1: accept, timeoutMilliseconds: 2000 }, proxy.endpoint)
    const { store } = instance
    const session = (await store.get<Session>(id))!
    const { reached, release } = hold(instance, 'insert')
    await reached
    await proxy.setMode('blackhole')
    release()
    const saved = store.set(id, Object.assign(session, { n: 1 }))
    setTimeout(() => proxy.setMode('pass'), 300)
    expect(await saved).toBe(true)
    await proxy.stop()
  })
})
