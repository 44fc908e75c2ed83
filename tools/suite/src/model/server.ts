import type { SessionStore } from '@waxseal/session'
import { type FakeClock, fakeClock } from '@waxseal/testing'
import { COOKIE_NAME, type Framework, type Route, type TestApp, type Visit } from '../apps.ts'
import type { SuiteTable } from '../database.ts'
import { ObservedTable } from '../observed-table.ts'
import { send } from '../send.ts'
import { Recorder } from './recorder.ts'
import { type Content, life } from './reference.ts'

/** A request that stands in its route until it is told to finish. */
export interface HeldRequest {
  readonly visit: Visit
  readonly finish: () => void
  /** Settles once the request has been answered, or cut off. */
  readonly answered: Promise<void>
}

/** A server: one framework, one store, one clock of its own, over a table that other servers use as well. */
export class Server {
  readonly clock: FakeClock = fakeClock()
  readonly recorder: Recorder = new Recorder(() => this.clock.now())
  #app: TestApp | undefined
  #store: SessionStore | undefined
  #arrive: (visit: Visit, finish: () => void) => void = () => {}

  static async start({ start }: Framework, { port }: SuiteTable): Promise<Server> {
    const server = new Server()
    const table = new ObservedTable(port)
    table.intercept = (call, run) => server.recorder.intercept(call, run)
    server.#store = table.newStore({
      clock: server.clock,
      ttlSeconds: life.idle / 1000,
      maxLifetimeSeconds: life.most / 1000,
      touchAfterSeconds: life.touchAfter / 1000,
    })
    const route: Route = (visit) => server.#hold(visit)
    server.#app = await start(server.recorder.watch(server.#store), { '/': route })
    return server
  }

  async stop(): Promise<void> {
    await this.#app?.close()
  }

  /** What an app's own code does that has not loaded the session. */
  set(id: string, content: Content): Promise<void> {
    const cookie = { originalMaxAge: null, expires: null, path: '/', httpOnly: true }
    return new Promise((resolve) => this.#store?.set(id, { ...content, cookie }, () => resolve()))
  }

  /** Sends a request with this cookie, one at a time; `undefined` when it was answered before it reached its route. */
  open(cookie: string | undefined, onCookie: (cookie: string) => void): Promise<HeldRequest | undefined> {
    return new Promise((resolve) => {
      this.#arrive = (visit, finish) => resolve({ visit, finish, answered })
      const answered = send((this.#app as TestApp).url, cookie).then((response) => {
        const set = response?.headers['set-cookie']?.find((line) => line.startsWith(`${COOKIE_NAME}=`))
        if (set !== undefined) onCookie(set.split(';', 1)[0] as string)
        resolve(undefined)
      })
    })
  }

  #hold(visit: Visit): Promise<void> {
    return new Promise((resolve) => this.#arrive(visit, resolve))
  }
}
