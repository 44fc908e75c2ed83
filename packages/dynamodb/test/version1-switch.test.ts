/**
 * Older code and the new store serve the same users on one table, through the whole switch. A user is signed in exactly
 * as long as they have not signed out, whichever side serves a request; what they saved is what they read.
 */
import type { SessionStore, Version1Options } from '@waxseal/session'
import { afterEach, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { Browser, frameworks, type Route, type TestApp } from '@waxseal/suite'
import { inAnHour, Version1World } from './support/version1.ts'

const routes: Record<string, Route> = {
  '/': ({ session }) => ({ user: session.user, visits: session.visits }),
  '/sign-in': async (visit) => {
    await visit.regenerate()
    Object.assign(visit.session, { user: `user-${Math.random()}`, visits: 0 })
    return { user: visit.session.user }
  },
  '/visit': ({ session }) => {
    session.visits = Number(session.visits) + 1
    return {}
  },
  '/sign-out': async ({ destroy }) => {
    await destroy()
    return {}
  },
}

/** A user who knows what the server should say. */
class User {
  #cookie: string | undefined
  #name: unknown
  #visits = 0
  /** Of sessions that were signed out or given up for another. */
  readonly #deadCookies: string[] = []

  async signIn(app: TestApp): Promise<void> {
    this.#bury()
    const { body } = await this.#request(app, '/sign-in')
    this.#name = (body as { user: string }).user
    this.#visits = 0
  }

  async visit(app: TestApp): Promise<void> {
    await this.#request(app, '/visit')
    this.#visits++
  }

  async signOut(app: TestApp): Promise<void> {
    this.#bury()
    await this.#request(app, '/sign-out')
    this.#cookie = undefined
    this.#name = undefined
  }

  async check(app: TestApp): Promise<void> {
    if (this.#name !== undefined) {
      expect((await this.#request(app, '/')).body).toEqual({ user: this.#name, visits: this.#visits })
    }
    for (const cookie of this.#deadCookies) expect((await new Browser(app, cookie).get('/')).body).toEqual({})
  }

  #bury(): void {
    if (this.#cookie !== undefined) this.#deadCookies.push(this.#cookie)
  }

  async #request(app: TestApp, path: string) {
    const browser = new Browser(app, this.#cookie)
    const response = await browser.get(path)
    expect(response.status).toBe(200)
    this.#cookie = browser.cookie
    return response
  }
}

const accept: Version1Options = { acceptUntil: inAnHour() }
const write: Version1Options = { write: true }

/** Who serves in each phase: `old`, or the new store with this option. */
const phases: [string, (Version1Options | 'old' | undefined)[]][] = [
  ['older code alone', ['old', 'old']],
  ['older code, and the new store that writes version 1', ['old', write]],
  ['the new store, one half of which upgrades', [write, accept]],
  ['the new store, which upgrades', [accept, accept]],
  ['the option taken away', [undefined, undefined]],
]

describe.each(inject('engines'))('the switch on $name', ({ endpoint }) => {
  let world: Version1World
  const apps: TestApp[] = []
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
    await world.stop()
  })

  it.each(frameworks)('$framework: nobody is signed out, and nobody who signed out comes back', async ({ start }) => {
    world = await Version1World.start(endpoint)
    const users: User[] = []
    const warnings: unknown[] = []

    const serve = async (version1: Version1Options | 'old' | undefined) => {
      const instance = version1 === 'old' ? undefined : world.newInstance(version1 === undefined ? {} : { version1 })
      for (const type of ['unreadable', 'failed', 'touch-failed', 'refused', 'overwritten']) {
        instance?.store.on(type, (event) => warnings.push(event))
      }
      const app = await start(instance?.store ?? (world.old as unknown as SessionStore), routes)
      apps.push(app)
      return app
    }

    for (const [phase, sides] of phases) {
      const [one, two] = [await serve(sides[0]), await serve(sides[1])]
      const both = (index: number) => (index % 2 === 0 ? [one, two] : [two, one]) as [TestApp, TestApp]
      await Promise.all(users.map((user, index) => user.check(both(index)[0])))
      const fresh = Array.from({ length: 4 }, () => new User())
      const begin = async (user: User, index: number) => {
        const [here, there] = both(index)
        await user.signIn(here)
        await user.check(there)
        await user.visit(there)
        await user.check(here)
        await user.visit(here)
        await user.check(there)
      }
      await Promise.all(fresh.map(begin))
      users.push(...fresh)
      // Of every phase so far: some sign out on either side, some in anew, the others save.
      const goOn = async (user: User, index: number) => {
        const [here, there] = both(index)
        if (index % 4 === 0) await user.signOut(here)
        else if (index % 4 === 1) await user.signIn(there)
        else await user.visit(here)
        await user.check(here)
        await user.check(there)
      }
      await Promise.all(users.map(goOn))
      expect(warnings, phase).toEqual([])
    }
  })
})
