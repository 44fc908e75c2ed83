/** Who signs out while their session is upgraded stays signed out. */
import { fakeClock } from '@waxseal/testing'
import { afterEach, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { eventually, failOnce, hold, inAnHour, Version1World } from './support/version1.ts'

interface Session extends Record<string, unknown> {
  user: string
}

describe.each(inject('engines'))('a sign-out on $name', ({ endpoint }) => {
  let world: Version1World
  afterEach(() => world.stop())

  const upgraded = (id: string) => eventually(async () => (await world.versions(id)).join() === '2')

  it('another process upgrades first and ends the session: a save of what was read is refused', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const [one, two] = [world.newInstance(), world.newInstance()]
    const { reached, release } = hold(one, 'insert')
    const session = await one.store.get<Session>(id)
    await reached
    await two.store.get(id)
    await upgraded(id)
    release()
    await eventually(() => one.takeCalls().includes('insert'))
    await two.store.destroy(id)
    expect(await one.store.set(id, Object.assign(session!, { n: 1 }))).toBe(false)
    expect(await world.versions(id)).toEqual([])
  })

  it.each([
    ['before the row is there', 'insert', 'ours'],
    ['before the row is there', 'insert', 'older code'],
    ['before the item is gone', 'version1.remove', 'ours'],
    ['before the item is gone', 'version1.remove', 'older code'],
  ])('a sign-out %s (%s, by %s) is final', async (_, call, by) => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const [one, two] = [world.newInstance(), world.newInstance()]
    const { reached, release } = hold(one, call)
    const session = await one.store.get<Session>(id)
    await reached
    const saved = one.store.set(id, Object.assign(session!, { n: 1 }))
    await (by === 'ours' ? two.store.destroy(id) : world.oldDestroy(id))
    release()
    expect(await saved).toBe(false)
    expect(await world.versions(id)).toEqual([])
    expect(await two.store.get(id)).toBe(null)
    expect(one.takeEvents()).toEqual(['version1-read', 'refused'])
  })

  it('a sign-out takes the item before the row, so that no reader can upgrade in between', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const [one, two] = [world.newInstance(), world.newInstance()]
    const { reached, release } = hold(one, 'delete')
    const signedOut = one.store.destroy(id)
    await reached
    expect(await two.store.get(id)).toBe(null)
    release()
    await signedOut
    expect(one.takeCalls()).toEqual(['version1.remove', 'delete'])
    expect(await world.versions(id)).toEqual([])
  })

  it('a save after a sign-out by older code is refused, with or without the upgrade before it', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const instance = world.newInstance()
    failOnce(instance, 'insert')
    const session = await instance.store.get<Session>(id)
    await eventually(() => instance.events.some(({ type }) => type === 'failed'))
    await world.oldDestroy(id)
    expect(await instance.store.set(id, Object.assign(session!, { n: 1 }))).toBe(false)
    expect(await world.versions(id)).toEqual([])
  })

  it('a session that has expired since it was read is not saved again', async () => {
    world = await Version1World.start(endpoint)
    const clock = fakeClock(Date.now())
    const id = await world.oldSession()
    const instance = world.newInstance({ clock, version1: { acceptUntil: new Date(clock.now() + 1e9) } })
    failOnce(instance, 'insert')
    const session = await instance.store.get<Session>(id)
    await eventually(() => instance.events.some(({ type }) => type === 'failed'))
    clock.advanceSeconds(604_801)
    expect(await instance.store.set(id, Object.assign(session!, { n: 1 }))).toBe(false)
    expect(await world.versions(id)).toEqual([1])
    expect(await instance.store.get(id)).toBe(null)
  })

  it('the time of a save is over before it finds the session signed out: the row goes all the same', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const instance = world.newInstance({ version1: { acceptUntil: inAnHour() }, timeoutMilliseconds: 400 })
    failOnce(instance, 'insert')
    const session = await instance.store.get<Session>(id)
    await eventually(() => instance.events.some(({ type }) => type === 'failed'))
    const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 250))
    instance.before = (call) => (call === 'insert' || call === 'version1.get' ? wait() : undefined)
    const saved = instance.store.set(id, Object.assign(session!, { n: 1 }))
    await world.oldDestroy(id)
    await expect(saved).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    await eventually(async () => (await world.versions(id)).length === 0)
  })
})
