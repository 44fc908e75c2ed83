import { randomBytes, randomUUID } from 'node:crypto'
import type { Store } from 'express-session'

export type Operation = 'get' | 'set' | 'touch'

const lifeMilliseconds = 604_800_000

interface Session {
  cookie: Record<string, unknown>
  views?: number
}

/** One operation on the sessions of one store, called with callbacks, which is how the frameworks call it. */
export interface Calls {
  /** Done before the first set or touch, untimed: they are of a session that was loaded, as in every request. */
  load(ids: readonly string[]): Promise<void>
  run(id: string): Promise<void>
}

export function callsOf(store: Pick<Store, 'get' | 'set' | 'touch'>, operation: Operation): Calls {
  const loaded = new Map<string, Session>()
  const get = (id: string) =>
    new Promise<Session>((resolve, reject) => {
      store.get(id, (error, session) =>
        error ? reject(error) : session ? resolve(session as unknown as Session) : reject(new Error('no session')),
      )
    })
  const write = (id: string) =>
    new Promise<void>((resolve, reject) => {
      const session = loaded.get(id) as Session
      const done = (error?: unknown) => (error ? reject(error) : resolve())
      if (operation === 'touch') {
        // As express-session does it.
        session.cookie.expires = new Date(Date.now() + lifeMilliseconds)
        return store.touch?.(id, session as never, done as () => void)
      }
      // Only what has changed is stored.
      session.views = Math.random()
      store.set(id, session as never, done)
    })
  return {
    async load(ids) {
      await inPortions(ids, async (id) => loaded.set(id, await get(id)))
    },
    run: operation === 'get' ? async (id) => void (await get(id)) : write,
  }
}

/** Stores about 1 KiB of JSON under each id: who is signed in, and tokens. */
export async function fill(store: Pick<Store, 'set'>, ids: readonly string[]): Promise<void> {
  const user = { id: randomUUID(), email: 'someone@example.com', name: 'Someone' }
  const token = () => randomBytes(240).toString('base64url')
  const set = (id: string) =>
    new Promise<void>((resolve, reject) => {
      const cookie = { originalMaxAge: lifeMilliseconds, httpOnly: true, path: '/' }
      const session = { cookie, user, tokens: { access: token(), refresh: token() }, views: 0 }
      store.set(id, session as never, (error) => (error ? reject(error) : resolve()))
    })
  await inPortions(ids, set)
}

/** Not all at once: on a busy machine the last would run into the store's time-out. */
async function inPortions(ids: readonly string[], call: (id: string) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < ids.length; start += 16) await Promise.all(ids.slice(start, start + 16).map(call))
}
