import { sessionKey } from '@waxseal/session'
import type { SuiteTable } from '../database.ts'
import { contentOf, type Recorded } from './recorder.ts'
import { after, arrive, type Content, type Fault, noSession, type Operation, sweep, type World } from './reference.ts'
import type { HeldRequest, Server } from './server.ts'

/** What a request does next with its session. */
export type Step = 'save' | 'destroy' | 'reload' | 'regenerate' | 'finish'

interface Tab extends HeldRequest {
  readonly request: number
  readonly server: Server
}

/**
 * One run: a browser with some tabs before two servers, and all states in which its sessions may be after what was seen.
 * Every method throws as soon as there is none.
 */
export class Play {
  readonly #servers: readonly Server[]
  readonly #table: SuiteTable
  readonly #tabs: (Tab | undefined)[] = []
  readonly #worlds = new Map<string, readonly World[]>()
  readonly #cookies: string[] = []
  #late: { readonly server: Server; readonly id: string } | undefined
  #requests = 0
  #values = 0

  constructor(servers: readonly Server[], table: SuiteTable, now: number) {
    this.#servers = servers
    this.#table = table
    for (const { clock, recorder } of servers) {
      clock.setNow(now)
      recorder.reset()
    }
  }

  /** Ends the tab's request if it has one, and begins another; `age` of the cookie: 0 for the newest, 1 for that before. */
  async visit(tab: number, server: number, age: number): Promise<void> {
    if (this.#tabs[tab] !== undefined) await this.step(tab, 'finish')
    await this.#open(tab, server, age)
  }

  /** Changes a key of the session to a value that is made for its user, or removes it. */
  async change(tab: number, key: string, removes: boolean): Promise<void> {
    const session = await this.#session(tab)
    if (session === undefined) return
    if (removes) delete session[key]
    else session[key] = `${session.user ?? 'nobody'}'s ${this.#values++}`
  }

  /** As an app must: what was one user's does not become the next one's. */
  async signIn(tab: number, user: string): Promise<void> {
    const session = await this.#session(tab)
    if (session === undefined) return
    for (const key of Object.keys(contentOf(session))) delete session[key]
    session.user = user
  }

  async step(tab: number, step: Step): Promise<void> {
    const open = this.#tabs[tab]
    if (open === undefined || (step !== 'finish' && !open.visit.session)) return
    await this.#take(tab, open, step)
    this.#check(open.server.recorder.take(), () => open.request)
  }

  /** Somebody sets the session that came about last without having loaded it. */
  async setUnloaded(server: number): Promise<void> {
    const id = [...this.#worlds.keys()].at(-1)
    if (id === undefined) return
    const at = this.#server(server)
    const request = this.#requests++
    await at.set(id, { a: `nobody's ${this.#values++}` })
    this.#check(at.recorder.take(), () => request)
  }

  /** A step of each tab at the same time, while calls of the database take these many milliseconds; nothing fails. */
  async race(steps: readonly Step[], delays: readonly number[]): Promise<void> {
    for (const { recorder } of this.#servers) recorder.begin(delays)
    const racers = steps.flatMap((step, tab) => {
      const open = this.#tabs[tab]
      return open?.visit.session ? [{ tab, open, step, session: open.visit.session }] : []
    })
    await Promise.all(racers.map(({ tab, open, step }) => this.#take(tab, open, step)))
    for (const { recorder } of this.#servers) recorder.begin([0])
    const calls = this.#servers.flatMap(({ recorder }) => recorder.take())
    // Calls without a session destroy one: it does not matter who.
    const requestOf = ({ session }: Recorded) => racers.find((racer) => racer.session === session)?.open.request ?? -1
    this.#check(calls, requestOf, true)
  }

  failNext(server: number, fault: Fault): void {
    const late = fault === 'late' && this.#late !== undefined
    this.#server(server).recorder.failNext(late ? 'fail' : fault)
  }

  async arrive(): Promise<void> {
    if (this.#late === undefined) return
    const { server, id } = this.#late
    this.#late = undefined
    await server.recorder.arrive()
    this.#become(id, arrive, 'a late write')
  }

  jump(server: number, seconds: number): void {
    const { clock } = this.#server(server)
    clock.setNow(clock.now() + seconds * 1000)
  }

  /** Time passes, everywhere. */
  pass(seconds: number): void {
    for (const server of this.#servers.keys()) this.jump(server, seconds)
  }

  /** The database removes what has expired by the clock of one server. */
  async sweep(server: number): Promise<void> {
    const now = this.#server(server).clock.now()
    const signal = { aborted: false, onabort: null }
    const { port } = this.#table
    for (const id of this.#worlds.keys()) {
      const row = await port.get(sessionKey(id), signal)
      if (row !== undefined && row.expiresAt <= now) await port.delete(row.key, signal)
      this.#become(id, (world) => sweep(world, now), 'the database’s deletion')
    }
  }

  /** Ends what is still open. */
  async close(): Promise<void> {
    for (const tab of this.#tabs.keys()) await this.step(tab, 'finish')
  }

  async #open(tab: number, server: number, age: number): Promise<void> {
    const at = this.#server(server)
    const request = this.#requests++
    const held = await at.open(this.#cookies.at(-1 - age), (cookie) => this.#cookies.push(cookie))
    this.#check(at.recorder.take(), () => request)
    this.#tabs[tab] = held && { ...held, request, server: at }
  }

  /** The session of the tab's request, which is begun if there is none; nothing once it has been destroyed. */
  async #session(tab: number): Promise<Record<string, unknown> | undefined> {
    if (this.#tabs[tab] === undefined) await this.#open(tab, tab, 0)
    return this.#tabs[tab]?.visit.session ?? undefined
  }

  async #take(tab: number, { visit, finish, answered }: Tab, step: Step): Promise<void> {
    if (step === 'finish') {
      this.#tabs[tab] = undefined
      finish()
      await answered
      return
    }
    // What the store answered is noted; what the framework makes of it is its own matter.
    await visit[step]().catch(() => {})
  }

  /** `atOnce`: the calls of different requests may have taken effect in any order. */
  #check(calls: readonly Recorded[], requestOf: (call: Recorded) => number, atOnce = false): void {
    for (const id of new Set(calls.map((call) => call.id))) {
      const operations = calls
        .filter((call) => call.id === id)
        .map((call): Operation => ({ ...call, request: requestOf(call) }))
      for (const operation of operations) checkOwner(operation)
      const orders = atOnce ? interleavings(operations) : [operations]
      this.#become(
        id,
        (world) =>
          orders.flatMap((order) => order.reduce((worlds, next) => worlds.flatMap((at) => after(at, next)), [world])),
        operations,
      )
    }
    for (const server of this.#servers) {
      const late = calls.find(({ fault, answer }) => fault === 'late' && answer === 'error')
      if (late !== undefined && server.recorder.isWriteLate) this.#late = { server, id: late.id }
    }
  }

  #become(id: string, next: (world: World) => readonly World[], why: unknown): void {
    const before = this.#worlds.get(id) ?? [noSession]
    const worlds = new Map(before.flatMap(next).map((world) => [JSON.stringify(world), world]))
    if (worlds.size === 0) {
      throw new Error(`No state of the session allows ${show(why)}; it was one of ${show(before)}`)
    }
    this.#worlds.set(id, [...worlds.values()])
  }

  #server(index: number): Server {
    return this.#servers[index % this.#servers.length] as Server
  }
}

/** Whatever happened, no session holds what was made for another user. */
function checkOwner({ name, answer }: Operation): void {
  if (name !== 'get' || typeof answer !== 'object' || answer === null) return
  const { user = 'nobody', ...values } = answer as Content
  const foreign = Object.values(values).filter((value) => !String(value).startsWith(`${user}'s `))
  if (foreign.length > 0) throw new Error(`A session of ${user} holds ${show(foreign)}`)
}

/** Every order that keeps the calls of one request in theirs. */
function interleavings(operations: readonly Operation[]): Operation[][] {
  if (operations.length === 0) return [[]]
  const firsts = [...new Map([...operations].reverse().map((operation) => [operation.request, operation])).values()]
  return firsts.flatMap((first) =>
    interleavings(operations.filter((operation) => operation !== first)).map((rest) => [first, ...rest]),
  )
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 1)
}
