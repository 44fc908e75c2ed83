/** What counts as a session of version 1, and what does not: the door is as narrow as it can be. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { startFaultProxy } from '@waxseal/engines'
import { sessionKey } from '@waxseal/session'
import { afterEach, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { eventually, inAnHour, sessionOf, Version1World } from './support/version1.ts'

const string = (text: string): AttributeValue => ({ S: text })
const bent = (text: string) => text.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))
const base64 = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64')

describe.each(inject('engines'))('version 1 on $name', ({ endpoint }) => {
  let world: Version1World
  afterEach(() => world.stop())

  it('is off unless asked for: one plain read, and no session', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store, takeCalls, takeEvents } = world.newInstance({})
    expect(await store.get(id)).toBe(null)
    expect(takeCalls()).toEqual(['get'])
    expect(takeEvents()).toEqual([])
  })

  it('an item reads as its session, cookie included, with an event that names no session id', async () => {
    world = await Version1World.start(endpoint)
    const cookie = { originalMaxAge: 3_600_000, expires: inAnHour().toISOString(), httpOnly: true, path: '/' }
    const id = await world.oldSession('ada', { cart: [1, { n: 2 }], cookie })
    const { store, events } = world.newInstance()
    expect(await store.get(id)).toEqual({ user: 'ada', cart: [1, { n: 2 }], cookie })
    expect(events).toEqual([{ type: 'version1-read', level: 'debug', operation: 'get', key: sessionKey(id) }])
  })

  it('keys that no framework could take are left out', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession('ada', { sessionId: 'x', encryptedSessionId: 'y', save: 1, __waxseal: {} })
    const { store } = world.newInstance()
    const session = await store.get(id)
    expect(session).toEqual(sessionOf('ada'))
    expect(await store.set(id, Object.assign(session!, { n: 1 }))).toBe(true)
  })

  it('a stolen partition key is no session id, whatever is asked with it', async () => {
    world = await Version1World.start(endpoint)
    const { store, takeEvents } = world.newInstance()
    await store.set('victim', sessionOf('ada'))
    const stolen = sessionKey('victim')
    expect(await store.get(stolen)).toBe(null)
    await store.destroy(stolen)
    await store.touch(stolen, sessionOf('eve'))
    expect(await store.get('victim')).toMatchObject({ user: 'ada' })
    expect(takeEvents()).toEqual([])
    const writing = world.newInstance({ version1: { write: true } })
    expect(await writing.store.get(stolen)).toBe(null)
    await writing.store.destroy(stolen)
    await writing.store.set(stolen, sessionOf('eve'))
    expect(await writing.store.get('victim')).toMatchObject({ user: 'ada' })
  })

  it('version flipped: a row of version 2 that calls itself version 1 is neither', async () => {
    world = await Version1World.start(endpoint)
    const { store, takeEvents } = world.newInstance()
    await store.set('victim', sessionOf('ada'))
    const row = (await world.stored(sessionKey('victim')))!
    await world.put({ ...row, version: { N: '1' } })
    expect(await store.get('victim')).toBe(null)
    expect(await store.get(sessionKey('victim'))).toBe(null)
    expect(takeEvents()).toEqual(['unreadable ERR_WAXSEAL_RECORD_MALFORMED'])
  })

  it('an item planted over a row of version 2 is refused, and so is one planted beside it', async () => {
    world = await Version1World.start(endpoint)
    const { store, takeEvents } = world.newInstance()
    await store.set('victim', sessionOf('ada'))
    const own = (await world.stored(await world.oldSession('eve')))!
    await world.put({ ...own, sessionId: string('victim') })
    expect(await store.get('victim')).toMatchObject({ user: 'ada' })
    await world.put({ ...own, sessionId: string(sessionKey('victim')) })
    expect(await store.get('victim')).toBe(null)
    expect(takeEvents()).toEqual(['unreadable ERR_WAXSEAL_RECORD_MALFORMED'])
  })

  it('an expired or unreadable row of version 2 still stands in the way of an item', async () => {
    world = await Version1World.start(endpoint)
    const { store, takeEvents, takeCalls } = world.newInstance()
    await store.set('victim', sessionOf('ada'))
    await world.oldSet('victim', sessionOf('eve'))
    const row = (await world.stored(sessionKey('victim')))!
    await world.put({ ...row, expiresAt: { N: '1' } })
    expect(await store.get('victim')).toBe(null)
    await world.put({ ...row, record: { B: Buffer.from([0xec, 2, 1]) } })
    expect(await store.get('victim')).toBe(null)
    expect(takeEvents()).toEqual(['expired', 'unreadable ERR_WAXSEAL_RECORD_MALFORMED'])
    expect(takeCalls()).not.toContain('version1.remove')
  })

  it.each<[string, (item: Record<string, AttributeValue>) => Record<string, AttributeValue>, string]>([
    ['no tag', ({ authTag: _, ...item }) => item, 'RECORD_MALFORMED'],
    ['a ttl as a string', (item) => ({ ...item, ttl: string(item.ttl!.N!) }), 'RECORD_MALFORMED'],
    ['a fractional ttl', (item) => ({ ...item, ttl: { N: `${item.ttl!.N}.5` } }), 'RECORD_MALFORMED'],
    ['data as bytes', (item) => ({ ...item, encryptedData: { B: Buffer.from('x') } }), 'RECORD_MALFORMED'],
    ['bent base64', (item) => ({ ...item, authTag: string(` ${item.authTag!.S}`) }), 'RECORD_MALFORMED'],
    ['base64url', (item) => ({ ...item, iv: string('-_-_-_-_-_-_-_-_') }), 'RECORD_MALFORMED'],
    ['a tag of 4 bytes', (item) => ({ ...item, authTag: string(base64(4)) }), 'RECORD_MALFORMED'],
    ['a tag of 17 bytes', (item) => ({ ...item, authTag: string(base64(17)) }), 'RECORD_MALFORMED'],
    ['an IV of 16 bytes', (item) => ({ ...item, iv: string(base64(16)) }), 'RECORD_MALFORMED'],
    ['another IV', (item) => ({ ...item, iv: string(bent(item.iv!.S!)) }), 'INTEGRITY'],
    ['another tag', (item) => ({ ...item, authTag: string(bent(item.authTag!.S!)) }), 'INTEGRITY'],
    ['other data', (item) => ({ ...item, encryptedData: string(bent(item.encryptedData!.S!)) }), 'INTEGRITY'],
  ])('%s: no session, an event, the item kept', async (_, change, code) => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    await world.put(change((await world.stored(id))!))
    const { store, takeEvents } = world.newInstance()
    expect(await store.get(id)).toBe(null)
    expect(takeEvents()).toEqual([`unreadable ERR_WAXSEAL_${code}`])
    expect(await world.versions(id)).toEqual([1])
  })

  it('an item that names another session, and one of an app that is none of ours', async () => {
    world = await Version1World.start(endpoint)
    const { store, takeEvents } = world.newInstance()
    await world.put({ sessionId: string('theirs'), colour: string('red') })
    expect(await store.get('theirs')).toBe(null)
    await world.put({ sessionId: string('newer'), version: { N: '3' } })
    expect(await store.get('newer')).toBe(null)
    expect(takeEvents()).toEqual([])
  })

  it('a data key under a KMS key that is not configured', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store, takeEvents } = world.newInstance({
      envelope: world.newEnvelope(world.kms.createKey()),
      version1: { acceptUntil: inAnHour() },
    })
    expect(await store.get(id)).toBe(null)
    expect(takeEvents()).toEqual([expect.stringMatching(/^unreadable ERR_WAXSEAL_(INTEGRITY|KEY_MISMATCH)$/)])
  })

  it('an outage of KMS is an error, never "signed out"', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store } = world.newInstance()
    world.kms.fail('throttle')
    await expect(store.get(id)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_KEY_UNAVAILABLE' })
    world.kms.recover()
    expect(await store.get(id)).toMatchObject({ user: 'ada' })
  })

  it.each(['[1]', '"text"', 'null', '{"user":', Buffer.from([0x7b, 0xff, 0x7d])])(
    'what opens but is no session: %s',
    async (text) => {
      world = await Version1World.start(endpoint)
      const { store, envelope, takeEvents } = world.newInstance()
      const { encryptedData, encryptedKey, iv, authTag } = await envelope.sealVersion1(text)
      const fields = { encryptedData, encryptedKey, iv, authTag }
      const ttl = { N: String(Math.floor(Date.now() / 1000) + 1000) }
      const strings = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, string(value)]))
      await world.put({ sessionId: string('id'), ...strings, ttl, version: { N: '1' } })
      expect(await store.get('id')).toBe(null)
      expect(takeEvents()).toEqual(['unreadable ERR_WAXSEAL_RECORD_MALFORMED'])
    },
  )

  it('an expired item that DynamoDB has not deleted yet', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    await world.put({ ...(await world.stored(id))!, ttl: { N: String(Math.floor(Date.now() / 1000)) } })
    const { store, takeEvents } = world.newInstance()
    expect(await store.get(id)).toBe(null)
    expect(takeEvents()).toEqual(['expired'])
    expect(await store.length()).toBe(0)
  })

  it('after the date every one is refused and counted, in listings too; sign-out and clear still reach it', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    for (const version1 of [{ acceptUntil: new Date() }, { write: true, acceptUntil: new Date() }] as const) {
      const { store, takeEvents } = world.newInstance({ version1 })
      expect(await store.get(id)).toBe(null)
      expect(takeEvents()).toEqual(['unreadable ERR_WAXSEAL_LEGACY_REFUSED'])
      expect(await store.all()).toEqual([])
      expect(await store.length()).toBe(0)
      takeEvents()
      await store.set('new', sessionOf('grace'))
      expect(await world.versions('new')).toEqual([2])
      await store.destroy('new')
      expect(await world.versions(id)).toEqual([1])
    }
    const { store } = world.newInstance({ version1: { acceptUntil: new Date() } })
    await store.destroy(id)
    expect(await world.versions(id)).toEqual([])
    const other = await world.oldSession()
    await store.clear()
    expect(await world.versions(other)).toEqual([])
  })

  it('ids that could never be a partition key of older code are asked for in version 2 alone', async () => {
    world = await Version1World.start(endpoint)
    const { store, takeCalls } = world.newInstance()
    const writing = world.newInstance({ version1: { write: true } })
    await world.put({ ...(await world.stored(await world.oldSession()))!, sessionId: string('#waxseal/index') })
    for (const id of ['#waxseal/index', 'ä'.repeat(1025), 'x'.repeat(2049)]) {
      expect(await store.get(id)).toBe(null)
      expect(takeCalls()).toEqual(['get'])
      await writing.store.set(id, sessionOf('ada'))
      expect(await writing.store.get(id)).toMatchObject({ user: 'ada' })
      await writing.store.destroy(id)
      expect(writing.takeCalls()).toEqual(['insert', 'get', 'delete'])
    }
    const longest = `${'ä'.repeat(1023)}xx`
    await world.oldSet(longest, sessionOf('grace'))
    expect(await store.get(longest)).toMatchObject({ user: 'grace' })
  })

  it('listings show the sessions of both versions, each once', async () => {
    world = await Version1World.start(endpoint)
    const old = await world.oldSession('ada')
    const both = await world.oldSession('grace')
    const { store } = world.newInstance({ version1: { write: true } })
    const upgraded = world.newInstance()
    await upgraded.store.set(both, sessionOf('grace'))
    expect(await world.versions(both)).toEqual([1, 2])
    expect((await store.ids()).sort()).toEqual([old, both].sort())
    const all = await store.all<{ id: string; user: string }>()
    expect(Object.fromEntries(all.map(({ id, user }) => [id, user]))).toEqual({ [old]: 'ada', [both]: 'grace' })
    await store.clear()
    expect(await world.versions(old)).toEqual([])
    expect(await world.versions(both)).toEqual([])
  })

  it('a database that is silent is an error within the time-out, never "signed out"', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const proxy = await startFaultProxy(endpoint)
    const options = { version1: { write: true }, timeoutMilliseconds: 300 } as const
    const { store } = world.newInstance(options, proxy.endpoint)
    await proxy.setMode('blackhole')
    for (const operation of [() => store.get(id), () => store.set(id, sessionOf('eve')), () => store.destroy(id)]) {
      await expect(operation()).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
    }
    await proxy.setMode('pass')
    expect(await store.get(id)).toMatchObject({ user: 'ada' })
    await proxy.stop()
  })

  it('a keyring that has no version 1 says so, and is no sign-out', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })
    const { store } = world.newInstance({ envelope, version1: { acceptUntil: inAnHour() } })
    await expect(store.get(id)).rejects.toMatchObject({ code: 'ERR_WAXSEAL_ARGUMENT' })
  })

  it('a session read twice at once is upgraded once', async () => {
    world = await Version1World.start(endpoint)
    const id = await world.oldSession()
    const { store, takeCalls, takeEvents } = world.newInstance()
    await Promise.all([store.get(id), store.get(id)])
    await eventually(async () => (await world.versions(id)).join() === '2')
    expect(takeCalls().sort()).toEqual(['insert', 'version1.get', 'version1.get', 'version1.get', 'version1.remove'])
    expect(takeEvents()).toEqual(['version1-read', 'version1-read', 'version1-upgraded'])
  })
})
