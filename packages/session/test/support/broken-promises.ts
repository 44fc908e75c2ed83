/** Stores that break what the documents promise of sessions, each with the case of the contract that is meant for it. */
import { vi } from 'vitest'
import { ConflictRules } from '../../src/conflict.ts'
import { type SessionOptions, SessionStore, type StopSignal } from '../../src/index.ts'
import { SessionWriter } from '../../src/session-writer.ts'
import { type BrokenStore, COPY, type Data, having, type Method, over, replacing, resulting } from './broken-store.ts'
import { FaultyTable, memoryFixture } from './contract-store.ts'

export const STORED = 'says of a session whether it is stored'
export const MOVED_ENDS = 'ends a session at its absolute end, wherever its row says that it ends'
export const READS = 'writes nothing for requests that only read, while the end is far enough'
export const REMOVED = 'brings nothing back by a merge that a request has removed'
export const MERGED = 'loses no other request’s change with the next save of an object that was merged, or says so'

/** Its absolute ends can be moved by whoever writes the table. */
class OpenEndsTable extends FaultyTable {
  readonly absoluteEnds = new Map<string, number>()

  override async moveEnds(key: string, at: number): Promise<void> {
    this.absoluteEnds.set(key, at)
    await super.moveEnds(key, at)
  }
}

/** Goes on waiting after it was told to stop. */
class DeafTable extends FaultyTable {
  protected override through<T>(signal: StopSignal | undefined, run: () => Promise<T>): Promise<T> {
    return this.fault === 'silent' ? new Promise(() => {}) : super.through(signal, run)
  }
}

const { resolve } = ConflictRules.prototype
const writer = SessionWriter.prototype as unknown as { remember(target: object, loaded: { stored: object }): true }
const { remember } = writer

// What `vi` puts in the place of a method here, the test takes away again.
export const brokenPromises: Readonly<Record<string, BrokenStore>> = {
  'a set that says of a session it refused that it is stored': {
    create: replacing('set', (right) => (id, session, ...rest) => {
      const [callback] = rest as [Method | undefined]
      if (callback !== undefined) return right(id, session, (error: unknown) => callback(error, true))
      if (rest.length > 0) return right(id, session, callback)
      return (right(id, session) as Promise<boolean>).then(() => true)
    }),
    fails: STORED,
  },
  'a get whose session is known by its identity alone': {
    create: resulting('get', (right) => right),
    fails: COPY,
  },
  'an absolute end that is not sealed': {
    create: (options) =>
      memoryFixture(options, {
        table: new OpenEndsTable(),
        newStore: (table, options) =>
          new SessionStore(table, { ...options, envelope: withOpenEnds(options.envelope, table) }),
      }),
    fails: MOVED_ENDS,
  },
  'a table that goes on after it was told to stop': {
    create: (options) => memoryFixture(options, { table: new DeafTable() }),
    fails: 'goes on where it was, as soon as the database is silent no more',
  },
  'a touch that writes at every request': {
    create: having({ touchAfterSeconds: 0 }),
    fails: READS,
  },
  'a time-out of four seconds, whatever was asked for': {
    create: over((options, table) => new SessionStore(table, { ...options, timeoutMilliseconds: 4000 })),
    fails: 'ends every call in time while the database is silent',
  },
  'a listing that no signal ends': {
    create: over((options, table) => {
      const store = new SessionStore(table, options)
      const sessions = store.sessions.bind(store)
      return Object.assign(store, { sessions: () => sessions() })
    }),
    fails: 'ends a listing with the reason of its signal',
  },
  'a merge that brings back what was removed': {
    create: (options) => {
      vi.spyOn(ConflictRules.prototype, 'resolve').mockImplementation(function (this: ConflictRules, base, ...rest) {
        const resolved = resolve.call(this, base, ...rest)
        if (resolved.effect !== 'merged') return resolved
        const content = JSON.stringify({ ...JSON.parse(base.content), ...JSON.parse(resolved.snapshot.content) })
        return { ...resolved, snapshot: { ...resolved.snapshot, content } }
      })
      return memoryFixture(options)
    },
    fails: REMOVED,
  },
  'a merge that is taken for what the app’s object holds': {
    create: (options) => {
      vi.spyOn(writer, 'remember').mockImplementation(function (this: typeof writer, target, loaded) {
        return remember.call(this, target, { ...loaded, base: loaded.stored } as typeof loaded)
      })
      return memoryFixture(options)
    },
    fails: MERGED,
  },
}

/** Takes absolute ends from where the table has them, instead of from the record. */
function withOpenEnds(envelope: SessionOptions['envelope'], table: OpenEndsTable): SessionOptions['envelope'] {
  return Object.assign(Object.create(envelope), {
    with: (...args: Parameters<typeof envelope.with>) => {
      const inner = envelope.with(...args)
      return {
        sealJson: inner.sealJson.bind(inner),
        async openJson(...[record, where]: Parameters<typeof inner.openJson>) {
          const sealed = (await inner.openJson(record, where)) as Data
          return { ...sealed, absoluteExpiresAt: table.absoluteEnds.get(where.key ?? '') ?? sealed.absoluteExpiresAt }
        },
      }
    },
  })
}
