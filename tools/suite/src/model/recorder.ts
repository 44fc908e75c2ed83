import type { SessionStore, StoredSession } from '@waxseal/session'
import type { TableCall } from '../observed-table.ts'
import type { Answer, Content, Fault, Operation } from './reference.ts'

/** One call of a store, as it was made and answered. */
export type Recorded = Omit<Operation, 'request'> & {
  readonly id: string
  /** The object that was set or touched: tells whose request it was. */
  readonly session: object | undefined
}

type Done = (error?: unknown, result?: unknown) => void

const writes: readonly TableCall[] = ['insert', 'update']

/**
 * Notes what a framework asks of a store and what it is answered, and makes the database behind it fail on demand. The
 * framework calls `get`, `set`, `touch` and `destroy` with callbacks.
 */
export class Recorder {
  readonly #now: () => number
  #recorded: { call: Recorded | undefined }[] = []
  #next: Fault | undefined
  #fault: Fault | undefined
  #late: (() => Promise<unknown>) | undefined
  #delays: readonly number[] = [0]
  #calls = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** Has the next call of the database fail. */
  failNext(fault: Fault): void {
    this.#next = fault
  }

  /** From now on calls of the database take these many milliseconds, over and over, and none of them fails. */
  begin(delays: readonly number[]): void {
    this.#delays = delays
    this.#next = undefined
  }

  /** Forgets what a run has left behind; a write that was late never arrives. */
  reset(): void {
    this.#recorded = []
    this.#next = undefined
    this.#late = undefined
  }

  /** Lets a write arrive that was late. */
  async arrive(): Promise<void> {
    const late = this.#late
    this.#late = undefined
    // It may find its row gone; nobody hears of it.
    await late?.()
  }

  get isWriteLate(): boolean {
    return this.#late !== undefined
  }

  /** The calls since the last time, in the order in which they were made; all have been answered. */
  take(): Recorded[] {
    const recorded = this.#recorded.map(({ call }) => {
      if (call === undefined) throw new Error('a call of the store has not been answered')
      return call
    })
    this.#recorded = []
    return recorded
  }

  /** For {@link ObservedTable}. */
  async intercept(call: TableCall, run: () => Promise<unknown>): Promise<unknown> {
    const delay = this.#delays[this.#calls++ % this.#delays.length] ?? 0
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
    const fault = this.#next
    this.#next = undefined
    if (fault === undefined) return run()
    this.#fault = fault
    if (fault === 'repeat') await run()
    if (fault === 'repeat') return run()
    if (fault === 'lose') await run()
    // One write at a time is late; an older one never arrives.
    if (fault === 'late' && writes.includes(call)) this.#late = run
    throw new Error('the database failed, as it was told to')
  }

  watch(store: SessionStore): SessionStore {
    const { get, set, touch, destroy } = store
    const run = (name: Recorded['name'], id: string, session: object | undefined, done: Done | undefined) => {
      const entry: { call: Recorded | undefined } = { call: undefined }
      const [content, now] = [contentOf(session ?? {}), this.#now()]
      this.#recorded.push(entry)
      this.#fault = undefined
      return (error?: unknown, result?: unknown) => {
        entry.call = { name, id, session, content, now, fault: this.#fault, answer: answerTo(name, error, result) }
        done?.(error, result)
      }
    }
    Object.assign(store, {
      get: (id: string, done: Done) => get.call(store, id, run('get', id, undefined, done) as never),
      set: (id: string, session: object, done: Done) => set.call(store, id, session, run('set', id, session, done)),
      touch: (id: string, session: object, done: Done) =>
        touch.call(store, id, session, run('touch', id, session, done)),
      destroy: (id: string, done: Done) => destroy.call(store, id, run('destroy', id, undefined, done)),
    })
    return store
  }
}

function answerTo(name: Recorded['name'], error: unknown, result: unknown): Answer {
  if (error) return (error as { code?: string }).code === 'ERR_WAXSEAL_SESSION_CONFLICT' ? 'conflict' : 'error'
  if (name === 'get') return result ? contentOf(result) : null
  return name === 'set' ? (result as boolean) : true
}

/** What an app put into its session. */
export function contentOf(session: object): Content {
  const { cookie: _cookie, __waxseal: _carrier, ...content } = session as StoredSession
  return JSON.parse(JSON.stringify(content))
}
