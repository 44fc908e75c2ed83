/** How to break a session store in one way. */
import type { ContractOptions, StoreFixture } from '@waxseal/testing'
import { type SessionOptions, SessionStore } from '../../src/index.ts'
import { type FaultyTable, memoryFixture } from './contract-store.ts'

/** What a store cannot but fail whose `get` is given as {@link resulting}: such a `get` knows no callbacks. */
export const COPY = 'knows a session again by Fastify’s copy of what a callback was given: a logout is final'

export interface BrokenStore {
  readonly create: (options: ContractOptions) => StoreFixture
  readonly fails: string
  /** Cases that such a store cannot but fail as well. */
  readonly also?: readonly string[]
}

export type Data = Record<string, unknown> & { cookie?: Record<string, unknown> }
type Name = 'get' | 'set' | 'touch' | 'destroy' | 'regenerate'
export type Method = (...args: unknown[]) => unknown
type Result = (...args: unknown[]) => Promise<unknown>

export const over =
  (create: (options: SessionOptions, table: FaultyTable) => SessionStore) => (options: ContractOptions) =>
    memoryFixture(options, { newStore: (table, options) => create(options, table) })

/** A store with other options than it was asked to have. */
export const having = (change: Partial<SessionOptions>) =>
  over((options, table) => new SessionStore(table, { ...options, ...change }))

/** A store with another method; `right` is the one that it had. */
export const replacing = (name: Name, method: (right: Method, table: FaultyTable, options: SessionOptions) => Method) =>
  over((options, table) => {
    const store = new SessionStore(table, options)
    const right = store[name].bind(store) as Method
    return Object.assign(store, { [name]: method(right, table, options) })
  })

/** A store with another method, given as one that returns a promise; callbacks are called as they should be. */
export const resulting = (name: Name, method: (right: Result, table: FaultyTable, options: SessionOptions) => Result) =>
  replacing(name, (right, table, options) => {
    const result = method(right as Result, table, options)
    return (...args) => {
      const callback = args.at(-1)
      if (typeof callback !== 'function') return result(...args)
      result(...args.slice(0, -1)).then(
        (value) => process.nextTick(callback as Method, null, value),
        (error) => process.nextTick(callback as Method, error),
      )
    }
  })
