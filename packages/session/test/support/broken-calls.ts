/** Stores whose calls end wrongly, each with the case of the contract that is meant for it. */
import { SessionStore } from '../../src/index.ts'
import { type BrokenStore, COPY, type Data, type Method, over, replacing, resulting } from './broken-store.ts'
import { FaultyTable, memoryFixture } from './contract-store.ts'

const OWN_OBJECT = 'gives an object of its own at each get, which its caller may change'
const AT_ONCE = 'calls back before set returns where nothing is to be written: Fastify answers twice otherwise'
const ONCE = 'calls back once, and not again where the callback throws'
const NO_CALLBACK = 'does without a callback'
const SILENT = 'ends every call in time while the database is silent'
const DOWN = 'gives an error while the database is down, but never ENOENT, which frameworks take for "no session"'
const SOFT_TOUCH = 'calls back without error from a touch that fails: Express would cut the response off'

/** Some of what a session of Express or Fastify has. */
const MEMBERS = { save() {}, touch() {}, id: '', req: {}, regenerate() {}, destroy() {}, get() {}, set() {} }

export const brokenCalls: Readonly<Record<string, BrokenStore>> = {
  'two callbacks': {
    create: replacing('touch', (right) => (id, session, callback) => {
      if (typeof callback !== 'function') return right(id, session)
      return right(id, session, (...result: unknown[]) => {
        process.nextTick(callback as Method, ...result)
        process.nextTick(callback as Method, ...result)
      })
    }),
    fails: ONCE,
  },
  'a callback within a promise chain, which calls it again with what it threw': {
    create: replacing('touch', (right) => (id, session, callback) => {
      const touched = right(id, session) as Promise<void>
      if (typeof callback !== 'function') return touched
      touched.then(() => callback(null)).catch((error) => callback(error))
    }),
    fails: ONCE,
    also: [SOFT_TOUCH],
  },
  'a set that throws': {
    create: replacing('set', (right) => (id, session, ...rest) => {
      JSON.stringify(session)
      return right(id, session, ...rest)
    }),
    fails: 'never throws: what cannot be stored is an error to the callback, once',
  },
  'a set that leaves reserved keys out instead of refusing them': {
    create: replacing('set', (right) => (id, session, ...rest) => {
      if (typeof session !== 'object' || session === null) return right(id, session, ...rest)
      for (const name of Object.keys(session)) if (name in MEMBERS) delete (session as Data)[name]
      return right(id, session, ...rest)
    }),
    fails: 'refuses keys that are members of a framework’s own session',
  },
  'a destroy whose rejection nobody holds': {
    create: replacing('destroy', (right) => (...args) => {
      if (typeof args[1] === 'function') return right(...args)
      return (right(args[0]) as Promise<void>).finally(() => {})
    }),
    fails: NO_CALLBACK,
  },
  'a set that calls back later, whatever there is to do': {
    create: resulting('set', (right) => right),
    fails: AT_ONCE,
  },
  'a late snapshot': {
    create: replacing('set', (right) => async (id, session, callback) => {
      await undefined
      return right(id, session, callback)
    }),
    fails: 'stores a session as it is at the call, not as it is when the write runs',
    also: [AT_ONCE, NO_CALLBACK],
  },
  'a result that is frozen within': {
    create: resulting('get', (right) => async (id) => {
      const result = (await right(id)) as Data | null
      if (result?.nested) Object.freeze(result.nested)
      return result
    }),
    fails: OWN_OBJECT,
    also: [COPY],
  },
  'one object for all who get a session': {
    create: resulting('get', (right) => {
      const shared = new Map<unknown, unknown>()
      return async (id) => {
        const result = (await right(id)) as Data | null
        if (result?.nested === undefined) return result
        if (!shared.has(id)) shared.set(id, result)
        return shared.get(id)
      }
    }),
    fails: OWN_OBJECT,
    also: [COPY],
  },
  'a regenerate that leaves the old session': {
    create: over((options, table) => {
      const store = new SessionStore(table, options)
      return Object.assign(store, {
        regenerate: (request: never, callback: () => void) => {
          store.generate?.(request)
          callback()
        },
      })
    }),
    fails: 'regenerates: the old session goes, Express’s generate makes the new one',
  },
  'a hang': {
    create: replacing('get', (right, table) => (...args) => {
      if (table.fault !== 'silent') return right(...args)
      return new Promise(() => {})
    }),
    fails: SILENT,
  },
  'an error with the code ENOENT': {
    create: (options) =>
      memoryFixture(options, {
        table: new (class extends FaultyTable {
          protected override unreachable(): Error {
            return super.unreachable().cause as Error
          }
        })(),
      }),
    fails: DOWN,
  },
  'an outage that looks like "signed out"': {
    create: resulting(
      'get',
      (right) => (id) =>
        right(id).catch((error) => (typeof id === 'string' && id !== '' ? null : Promise.reject(error))),
    ),
    fails: DOWN,
    also: [SILENT, COPY],
  },
  'a touch whose failure is an error to its callback': {
    create: resulting('touch', (right) => right),
    fails: SOFT_TOUCH,
  },
}
