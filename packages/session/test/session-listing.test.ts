/** Listings over a table of many pages: bounded reading ahead, early ends, aborts, failures. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { type Envelope, WaxsealError } from '@waxseal/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type ListingOptions,
  MemoryTable,
  type RowPage,
  type SessionEvent,
  type SessionOptions,
  type SessionRow,
  SessionStore,
  type StopSignal,
  type TablePart,
} from '../src/index.ts'
import { envelope } from './support/stores.ts'

const PAGE_SIZE = 10

/** Pages of ten rows, parts by turns, every call noted; a call that is held ends as soon as it is stopped. */
class PagedTable extends MemoryTable {
  readonly pages: string[] = []
  readonly deletions: number[] = []
  underWay = 0
  mostUnderWay = 0
  stopped = 0
  readonly #numbers = new Map<string, number>()
  before: (call: 'list' | 'deleteMany', name: string) => Promise<void> | undefined = () => undefined

  override insert(row: SessionRow, now: number) {
    this.#numbers.set(row.key, this.#numbers.size)
    return super.insert(row, now)
  }

  override async list(page: unknown, signal: StopSignal, part: TablePart = { index: 0, count: 1 }): Promise<RowPage> {
    const start = typeof page === 'number' ? page : 0
    const name = `${part.index}:${start}`
    this.pages.push(name)
    return this.#call(signal, this.before('list', name), async () => {
      const place = ({ key }: SessionRow) => Math.floor((this.#numbers.get(key)! - part.index) / part.count)
      const inPart = ({ key }: SessionRow) => this.#numbers.get(key)! % part.count === part.index
      const rest = (await super.list()).rows.filter((row) => inPart(row) && place(row) >= start)
      const next = start + PAGE_SIZE
      const rows = rest.filter((row) => place(row) < next)
      return { rows, next: rows.length < rest.length ? next : undefined }
    })
  }

  override deleteMany(keys: readonly string[], signal?: StopSignal): Promise<void> {
    this.deletions.push(keys.length)
    return this.#call(signal!, this.before('deleteMany', ''), () => super.deleteMany(keys))
  }

  async #call<T>(signal: StopSignal, held: Promise<void> | undefined, run: () => Promise<T>): Promise<T> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay)
    const stop = new Promise<never>((_, reject) => {
      signal.onabort = () => {
        this.stopped++
        reject(new Error('stopped'))
      }
    })
    try {
      await Promise.race([held ?? turn(), stop])
      return await run()
    } finally {
      this.underWay--
    }
  }
}

const events: SessionEvent[] = []
const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
beforeEach(() => {
  events.length = 0
  unhandled.length = 0
  process.on('unhandledRejection', note)
  process.on('warning', note)
})
afterEach(async () => {
  await sleep(5)
  process.off('unhandledRejection', note)
  process.off('warning', note)
  expect(unhandled).toEqual([])
})

async function setUp(count: number, options: Partial<SessionOptions> = {}) {
  const table = new PagedTable()
  const store = new SessionStore(table, { envelope, ...options })
  const ids = Array.from({ length: count }, (_, index) => `id-${index}`)
  for (const id of ids) await store.set(id, { of: id })
  store.on('failed', (event) => events.push(event))
  return { table, store, ids }
}

const silence = () => new Promise<void>(() => {})

describe('sessions()', () => {
  it.each<ListingOptions>([{}, { concurrency: 4 }, { concurrency: 64 }])(
    'gives each once, with %o',
    async (options) => {
      const { store, ids } = await setUp(95)
      const seen: string[] = []
      for await (const session of store.sessions<{ id: string; of: string }>(options)) {
        expect(session.of).toBe(session.id)
        seen.push(session.id)
      }
      expect(seen.sort()).toEqual([...ids].sort())
      expect((await store.ids(options)).sort()).toEqual([...ids].sort())
      expect((await store.all(options)).length).toBe(95)
      expect(await store.length(options)).toBe(95)
    },
  )

  it('keeps the order of a page', async () => {
    const { store, ids } = await setUp(10)
    expect(await store.ids()).toEqual(ids)
  })

  it('reads one page ahead of its consumer, and no more', async () => {
    const { table, store } = await setUp(95)
    const sessions = store.sessions()
    expect(table.pages).toEqual([])
    await sessions.next()
    await sleep(5)
    expect(table.pages).toEqual(['0:0', '0:10'])
    for (let i = 1; i <= 10; i++) await sessions.next()
    await sleep(5)
    expect(table.pages).toEqual(['0:0', '0:10', '0:20'])
    await sessions.return()
  })

  it('reads one page of each part ahead, and no more', async () => {
    const { table, store } = await setUp(95)
    const sessions = store.sessions({ concurrency: 3 })
    await sessions.next()
    await sleep(5)
    expect([...table.pages].sort()).toEqual(['0:0', '0:10', '1:0', '2:0'])
    expect(table.mostUnderWay).toBe(3)
    await sessions.return()
  })

  it('gives the parts by turns to a consumer that is slower than they are', async () => {
    const { store, ids } = await setUp(95)
    const parts: number[] = []
    for await (const { id } of store.sessions({ concurrency: 2 })) {
      const part = ids.indexOf(id) % 2
      if (part === parts.at(-1)) continue
      parts.push(part)
      await sleep(5)
    }
    expect(parts).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
  })

  it('ends the call under way when its consumer leaves', async () => {
    const { table, store } = await setUp(95)
    table.before = (_, name) => (name === '0:10' ? silence() : undefined)
    for await (const { id } of store.sessions()) if (id === 'id-3') break
    expect(table.stopped).toBe(1)
    await sleep(5)
    expect(table.underWay).toBe(0)
    expect(table.pages).toEqual(['0:0', '0:10'])
    expect(events).toEqual([])
  })

  it('opens at most sixteen rows at a time', async () => {
    let underWay = 0
    let most = 0
    const slow = Object.assign(Object.create(envelope), {
      with: (context: Record<string, string>) => {
        const inner = envelope.with(context)
        return Object.assign(Object.create(inner), {
          sealJson: inner.sealJson.bind(inner),
          openJson: async (...args: Parameters<Envelope['openJson']>) => {
            most = Math.max(most, ++underWay)
            await sleep(2)
            underWay--
            return inner.openJson(...args)
          },
        })
      },
    })
    const table = new MemoryTable()
    const store = new SessionStore(table, { envelope: slow })
    for (let i = 0; i < 50; i++) await store.set(`id-${i}`, {})
    expect(await store.ids()).toHaveLength(50)
    expect(most).toBe(16)
  })
})

describe('abort', () => {
  const reason = new Error('the admin has left')

  it('rejects with the reason, ends the call under way, and is no failure', async () => {
    const { table, store } = await setUp(95)
    table.before = (_, name) => (name === '0:20' ? silence() : undefined)
    const controller = new AbortController()
    const listed = store.ids({ signal: controller.signal })
    await vi.waitUntil(() => table.pages.includes('0:20'))
    expect(table.underWay).toBe(1)
    controller.abort(reason)
    await expect(listed).rejects.toBe(reason)
    await sleep(5)
    expect([table.underWay, table.stopped]).toEqual([0, 1])
    expect(events).toEqual([])
  })

  it('takes hold between two sessions too', async () => {
    const { store } = await setUp(95)
    const controller = new AbortController()
    const seen: string[] = []
    const listing = async () => {
      for await (const { id } of store.sessions({ signal: controller.signal })) {
        seen.push(id)
        if (seen.length === 4) controller.abort(reason)
      }
    }
    await expect(listing()).rejects.toBe(reason)
    expect(seen).toHaveLength(4)
  })

  it('asks nothing of the database when it came before', async () => {
    const { table, store } = await setUp(5)
    const signal = AbortSignal.abort(reason)
    for (const call of [
      store.all({ signal }),
      store.ids({ signal }),
      store.length({ signal }),
      store.clear({ signal }),
    ])
      await expect(call).rejects.toBe(reason)
    expect(table.pages).toEqual([])
    expect(await store.length()).toBe(5)
  })

  it('stops clear, which has removed what it came to', async () => {
    const { table, store } = await setUp(95)
    const controller = new AbortController()
    table.before = (call) => (call === 'deleteMany' && table.deletions.length === 3 ? silence() : undefined)
    const cleared = store.clear({ signal: controller.signal })
    await vi.waitUntil(() => table.deletions.length === 3)
    controller.abort(reason)
    await expect(cleared).rejects.toBe(reason)
    expect(table.deletions).toEqual([10, 10, 10])
    table.before = () => undefined
    expect(await store.length()).toBe(75)
  })
})

describe('failure', () => {
  it.each([1, 5])('of one page rejects once and is reported once, reading %i parts', async (concurrency) => {
    const { table, store } = await setUp(95)
    const down = new WaxsealError('ERR_WAXSEAL_STORE_UNAVAILABLE', 'down')
    table.before = (_, name) => (name === '0:10' ? Promise.reject(down) : undefined)
    const sessions = store.sessions({ concurrency })
    const listing = async () => {
      for await (const _session of sessions) await turn()
    }
    await expect(listing()).rejects.toBe(down)
    expect(await sessions.next()).toEqual({ done: true, value: undefined })
    expect(events).toMatchObject([{ operation: 'sessions', code: 'ERR_WAXSEAL_STORE_UNAVAILABLE' }])
    await sleep(5)
    expect(table.underWay).toBe(0)
  })

  it('of a silent page is a time-out, that page’s own', async () => {
    const { table, store } = await setUp(30, { timeoutMilliseconds: 100 })
    table.before = () => sleep(60)
    expect(await store.length()).toBe(30)
    table.before = silence
    await expect(store.length()).rejects.toMatchObject({ code: 'ERR_WAXSEAL_STORE_TIMEOUT' })
  })

  it.each([0, 65, 1.5, -1, Number.NaN, '2', null])('concurrency %o is refused before any call', async (concurrency) => {
    const { table, store } = await setUp(1)
    const options = { concurrency } as ListingOptions
    const refused = { code: 'ERR_WAXSEAL_ARGUMENT' }
    await expect(store.sessions(options).next()).rejects.toMatchObject(refused)
    await expect(store.all(options)).rejects.toMatchObject(refused)
    await expect(store.ids(options)).rejects.toMatchObject(refused)
    await expect(store.length(options)).rejects.toMatchObject(refused)
    await expect(store.clear(options)).rejects.toMatchObject(refused)
    expect(table.pages).toEqual([])
  })
})

describe('clear', () => {
  it('removes everything, also with sessions coming and going meanwhile', async () => {
    const { store, ids } = await setUp(95)
    const cleared = store.clear({ concurrency: 3 })
    await Promise.all([store.destroy(ids[90]!), store.destroy(ids[1]!), store.set('new', {})])
    await cleared
    expect(await store.ids()).not.toContain(ids[0])
    await store.clear()
    expect(await store.length()).toBe(0)
  })

  it('deletes a hundred keys in one call, four calls at once for each part that it reads', async () => {
    class LargePages extends PagedTable {
      override async list() {
        return MemoryTable.prototype.list.call(this)
      }
    }
    const table = new LargePages()
    const store = new SessionStore(table, { envelope })
    for (let i = 0; i < 950; i++) await store.set(`id-${i}`, {})
    await store.clear()
    expect(table.deletions).toEqual([...Array(9).fill(100), 50])
    expect(table.mostUnderWay).toBe(4)
    expect(await store.length()).toBe(0)
  })
})

it('callbacks give what promises give', async () => {
  const { store, ids } = await setUp(3)
  const result = (start: (callback: (...args: unknown[]) => void) => void) =>
    new Promise((resolve) => start((...args) => resolve(args)))
  expect(await result((callback) => store.ids(callback))).toEqual([null, ids])
  expect(await result((callback) => store.length(callback))).toEqual([null, 3])
  expect(await result((callback) => store.all(callback))).toEqual([null, await store.all()])
  expect(await result((callback) => store.clear(callback))).toEqual([null, undefined])
  expect(await store.length()).toBe(0)
})
