/** Stores that write, keep, end or list sessions wrongly, each with the case of the contract that is meant for it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type SessionOptions, SessionStore, sessionKey } from '../../src/index.ts'
import { MERGED, MOVED_ENDS, READS, REMOVED, STORED } from './broken-promises.ts'
import { type BrokenStore, COPY, type Data, having, type Method, over, replacing, resulting } from './broken-store.ts'
import { FaultyTable, memoryFixture } from './contract-store.ts'

const TO_THE_MILLISECOND = 'ends a session to the millisecond, at the store’s clock'
const ABSOLUTE = 'ends a session at its absolute end, whatever set and touch do'
const TOUCHED_COOKIE = 'shows a touched session’s new end in its cookie: Fastify goes by that'
const TOUCH_OF_EXPIRED = 'does not bring an expired session back by a touch'
const EXPIRED_SINCE = 'does not store a session that has expired since it was loaded'

export const brokenRows: Readonly<Record<string, BrokenStore>> = {
  'an id that is not hashed': {
    create: replacing('set', (right, table) => (id, ...rest) => {
      const insert = FaultyTable.prototype.insert
      table.insert = (row, now, signal) => insert.call(table, { ...row, kid: String(id) }, now, signal)
      return right(id, ...rest)
    }),
    fails: 'writes no session id into the table: who reads it can use none',
  },
  'content beside the record': {
    create: replacing('set', (right, table) => (id, session, ...rest) => {
      const note = String((session as Data | null)?.note)
      const insert = FaultyTable.prototype.insert
      const kid = Buffer.from(`__${note}`).toString('base64')
      table.insert = (row, now, signal) => insert.call(table, { ...row, kid }, now, signal)
      return right(id, session, ...rest)
    }),
    fails: 'writes nothing of a session into the table that can be read there',
  },
  'a record that is bound to no row': {
    create: over((options, table) => new SessionStore(table, { ...options, envelope: unbound(options.envelope) })),
    fails: 'opens no row in the place of another: exchanged rows are no sessions, and stay',
  },
  'an expired session that is returned': {
    create: resulting('get', (right, table) => {
      const last = new Map<unknown, unknown>()
      return async (id) => {
        const result = await right(id)
        if (result !== null) last.set(id, result)
        const kept = typeof id === 'string' && (await table.rawRows()).some(({ key }) => key === sessionKey(id))
        return kept ? (result ?? last.get(id) ?? null) : result
      }
    }),
    fails: 'gives none that expired long ago, though its row may still be there',
    also: [
      TO_THE_MILLISECOND,
      'goes by the life of the cookie where that has one',
      ABSOLUTE,
      'postpones the end by a touch',
      TOUCH_OF_EXPIRED,
      EXPIRED_SINCE,
      COPY,
      MOVED_ENDS,
    ],
  },
  'expiry in whole seconds': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override insert(...[row, ...rest]: Parameters<FaultyTable['insert']>) {
            return super.insert({ ...row, expiresAt: Math.floor(row.expiresAt / 1000) * 1000 }, ...rest)
          }
        })(),
      }),
    fails: TO_THE_MILLISECOND,
  },
  'no absolute end': { create: having({ maxLifetimeSeconds: 86_400_000 }), fails: ABSOLUTE, also: [MOVED_ENDS] },
  'a touch that does nothing': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override extend(...[, , , , signal]: Parameters<FaultyTable['extend']>) {
            return this.through(signal, async () => false)
          }
        })(),
      }),
    fails: 'postpones the end by a touch',
    also: [TOUCHED_COOKIE, ABSOLUTE],
  },
  'a touch that creates the row of a destroyed session': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override async extend(...[key, expiresAt, ...rest]: Parameters<FaultyTable['extend']>) {
            if ((await this.get(key)) !== undefined) return super.extend(key, expiresAt, ...rest)
            return (await this.force({ key, expiresAt, record: new Uint8Array(), revision: 1, kid: '' })).written
          }
        })(),
      }),
    fails: 'creates no session by a touch: not one that never was, nor one that was destroyed',
  },
  'a touch that moves the end back': {
    create: resulting('touch', (right, table, { clock, ttlSeconds = 604_800 }) => async (id, session) => {
      await right(id, session)
      const { expires } = (session as Data).cookie ?? {}
      const expiresAt = typeof expires === 'string' ? Date.parse(expires) : clock!.now() + ttlSeconds * 1000
      const row = (await table.rawRows()).find(({ key }) => key === sessionKey(id))
      if (row !== undefined && row.expiresAt > clock!.now()) await table.force({ ...row, expiresAt })
    }),
    fails: 'never moves the end back by a touch, as one from a server whose clock is behind would',
    also: ['calls back without error from a touch that fails: Express would cut the response off', READS],
  },
  'a touch that revives an expired row': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override extend(...[key, expiresAt, over, _now, signal]: Parameters<FaultyTable['extend']>) {
            return super.extend(key, expiresAt, over, 0, signal)
          }
        })(),
      }),
    fails: TOUCH_OF_EXPIRED,
  },
  'a touch of the time to live alone': {
    create: resulting('get', (right) => {
      const first = new Map<unknown, unknown>()
      return async (id) => {
        const result = (await right(id)) as Data | null
        const cookie = result?.cookie
        if (!cookie?.expires) return result
        if (!first.has(id)) first.set(id, cookie.expires)
        cookie.expires = first.get(id)
        return result
      }
    }),
    fails: TOUCHED_COOKIE,
    also: [COPY],
  },
  'a cookie that outlives the browser once it was touched': {
    create: resulting('get', (right, table) => {
      const first = new Map<unknown, number>()
      return async (id) => {
        const result = (await right(id)) as Data | null
        const row = result && (await table.rawRows()).find(({ key }) => key === sessionKey(id))
        if (!row || !result.cookie) return result
        if (!first.has(id)) first.set(id, row.expiresAt)
        if (first.get(id) !== row.expiresAt) result.cookie.expires = new Date(row.expiresAt).toISOString()
        return result
      }
    }),
    fails: 'leaves a cookie that ends with the browser as it is, touched or not',
    also: [ABSOLUTE, COPY],
  },
  'a lost update': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override async update(...[row, over, ...rest]: Parameters<FaultyTable['update']>) {
            const current = (await this.rawRows()).find(({ key }) => key === row.key)
            return current === undefined ? super.update(row, over, ...rest) : this.force(row)
          }
        })(),
      }),
    fails: 'loses no change of two requests to different fields, or says so',
    also: [
      'loses no change of two requests to one field, or says so',
      'does not store a session over the one that another login made under its id',
      EXPIRED_SINCE,
      REMOVED,
      MERGED,
    ],
  },
  'a merge over guarded keys': {
    create: having({ guardKeys: [] }),
    fails: 'makes no session of two users, that neither request had',
  },
  'a resurrected logout': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override async update(...[row, over, ...rest]: Parameters<FaultyTable['update']>) {
            const current = (await this.rawRows()).find(({ key }) => key === row.key)
            return current === undefined ? this.force(row) : super.update(row, over, ...rest)
          }
        })(),
      }),
    fails: 'does not store a session that was destroyed since it was loaded: a logout is final',
    also: ['ends a session that another process is writing at that moment', COPY, STORED],
  },
  'writes that overtake each other': {
    create: replacing('set', (right) => (id, session, callback) => {
      const copy = session as Data | null
      const isFirstStep = copy?.step === 1 && Object.keys(copy).length === 2
      if (!isFirstStep) return right(id, session, callback)
      const late = { ...copy }
      const stored = sleep(5).then(() => right(id, late))
      if (typeof callback !== 'function') return stored
      stored.then(() => (callback as Method)(null), callback as Method)
    }),
    fails: 'writes one session in the order of the calls, awaited or not',
  },
  'an unprefixed scan': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override list(...[, signal]: Parameters<FaultyTable['list']>) {
            return this.through(signal, async () => ({ rows: await this.rawRows() }))
          }
        })(),
      }),
    fails: 'neither lists nor clears rows of another kind, whose keys begin with #',
  },
  'a listing with what has expired': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override async list(...args: Parameters<FaultyTable['list']>) {
            const { rows } = await super.list(...args)
            return { rows: rows.map((row) => ({ ...row, expiresAt: row.expiresAt + 60_000 })) }
          }
        })(),
      }),
    fails: 'lists no session that has expired or was destroyed',
  },
  'a clear that leaves rows': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override deleteMany(keys: readonly string[]) {
            return super.deleteMany(keys.slice(0, 20))
          }
        })(),
      }),
    fails: 'clears every session, and goes on with new ones',
  },
  'a listing that ends early': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          override async list(...args: Parameters<FaultyTable['list']>) {
            return { rows: (await super.list(...args)).rows.slice(0, 25) }
          }
        })(),
      }),
    fails: 'lists every session once, with its id and its data',
    also: ['clears every session, and goes on with new ones'],
  },
}

/** Leaves the key of the row out of what a record is bound to. */
function unbound(envelope: SessionOptions['envelope']): SessionOptions['envelope'] {
  const bound = { purpose: 'session', table: 'sessions', key: 'any' } as const
  return Object.assign(Object.create(envelope), {
    with: (...args: Parameters<typeof envelope.with>) => {
      const inner = envelope.with(...args)
      return {
        sealJson: (value: unknown) => inner.sealJson(value, bound),
        openJson: (record: Uint8Array) => inner.openJson(record, bound),
      }
    },
  })
}
