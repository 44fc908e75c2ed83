import { type SessionOptions, SessionStore, type SessionTable } from '@waxseal/session'
import { envelope, type SuiteDatabase } from './database.ts'

/** A method of the port. */
export type TableCall = {
  [Name in keyof SessionTable]-?: SessionTable[Name] extends (...args: never[]) => Promise<unknown> ? Name : never
}[keyof SessionTable]

/** What becomes of a call: `run` makes it, once each time that it is run. */
export type Intercept = (call: TableCall, run: () => Promise<unknown>) => Promise<unknown>

const goThrough: Intercept = (_call, run) => run()

/** Hands every call on to a table, notes it, and can hold, fail or repeat it. */
export class ObservedTable {
  readonly port: SessionTable
  intercept: Intercept = goThrough
  readonly #calls: TableCall[] = []

  constructor(table: SessionTable) {
    this.port = new Proxy(table, {
      get: (target, name) => {
        const member = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return (...args: unknown[]) => {
          const call = name as TableCall
          this.#calls.push(call)
          return this.intercept(call, () => member.apply(target, args))
        }
      },
    })
  }

  /** The calls since the last time. */
  take(): TableCall[] {
    return this.#calls.splice(0)
  }

  /** From now on the database cannot answer: every call fails, or those named alone. */
  goDown(...calls: TableCall[]): void {
    this.intercept = (call, run) =>
      calls.length === 0 || calls.includes(call) ? Promise.reject(new Error('database down')) : run()
  }

  comeBack(): void {
    this.intercept = goThrough
  }

  newStore(options: Partial<SessionOptions> = {}): SessionStore {
    return new SessionStore(this.port, { envelope, ...options })
  }
}

/** A new, empty table whose calls can be seen. */
export async function observe(database: SuiteDatabase): Promise<ObservedTable> {
  return new ObservedTable((await database.newTable()).port)
}
