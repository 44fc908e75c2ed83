import { WaxsealError } from '@waxseal/core'
import type { ConflictPolicy, SessionOptions } from './options.ts'
import { beginAnew, type SessionSnapshot, sameCookie, sessionIn } from './session-content.ts'
import { userIdOf } from './user-id.ts'

/** What is to be stored, and whether another request's changes stay or go with it. */
export interface Resolution {
  readonly snapshot: SessionSnapshot
  readonly effect?: 'merged' | 'overwritten'
}

/** The options that say what becomes of changes that meet. */
export type ConflictOptions = Pick<SessionOptions, 'conflict' | 'guardKeys' | 'userId'>

/**
 * Decides between two requests that changed one session. Three states meet: `base`, what the app's object held when it
 * was last read or written; `mine`, what it holds now; `theirs`, what the row says.
 */
export class ConflictRules {
  readonly policy: ConflictPolicy
  readonly #guardKeys: ReadonlySet<string>
  readonly #userId: SessionOptions['userId']

  constructor({ conflict = 'merge', guardKeys = ['user', 'userId', 'passport'], userId }: ConflictOptions) {
    this.policy = conflict
    this.#guardKeys = new Set(guardKeys)
    this.#userId = userId
  }

  /** Throws `ERR_WAXSEAL_SESSION_CONFLICT` where the policy has no answer. Who changed nothing is in nobody's way. */
  resolve(base: SessionSnapshot, mine: SessionSnapshot, theirs: SessionSnapshot): Resolution {
    if (theirs === base) return { snapshot: mine }
    const here = changedKeys(base, mine)
    const there = changedKeys(base, theirs)
    // A framework that knows one more attribute gives it to every session's cookie, in each of many requests at once.
    if (sameCookie(mine.cookie, theirs.cookie)) for (const changed of [here, there]) changed.delete(COOKIE)
    if (there.size === 0) return { snapshot: mine }
    const lastWins = this.policy === 'lastWriteWins'
    if (lastWins && mine.content !== base.content) return { snapshot: mine, effect: 'overwritten' }
    const snapshot = combine(mine, here, theirs, there)
    // Who changed the cookie alone, as a touch may, takes no content back.
    if (lastWins || here.size === 0) return { snapshot }
    if (this.policy === 'reject') throw this.conflict('another request has changed it since it was loaded')
    const obstacle = this.#obstacle([base, mine, theirs, snapshot], here, there)
    if (obstacle !== undefined) throw this.conflict(obstacle)
    return { snapshot, effect: 'merged' }
  }

  conflict(reason: string): WaxsealError {
    const message = `The session was not stored (conflict: '${this.policy}'): ${reason}. Load it again and repeat the change`
    return new WaxsealError('ERR_WAXSEAL_SESSION_CONFLICT', message)
  }

  /** Why two sets of changes do not make one session, without a word of what they hold. */
  #obstacle(
    states: readonly SessionSnapshot[],
    here: ReadonlySet<string>,
    there: ReadonlySet<string>,
  ): string | undefined {
    for (const key of here) if (there.has(key)) return 'another request has changed the same key'
    for (const key of this.#guardKeys) {
      if (here.has(key) || there.has(key)) return 'another request has changed it, and one of both a guarded key'
    }
    // The merged state is asked as well: of two changes, neither of which says who is signed in, both may.
    const users = new Set(states.map((state) => this.#userOf(state)))
    return users.size > 1 ? 'another request has changed it, and one of both, or the two together, its user' : undefined
  }

  #userOf(snapshot: SessionSnapshot): string | undefined {
    return this.#userId && userIdOf(sessionIn(snapshot), this.#userId)
  }
}

/** Under which name the cookie counts among the keys: it is none of the content's. */
const COOKIE = 'cookie'

/** The top-level keys that were added, removed or given another value; the running expiry of the cookie is no change. */
function changedKeys(from: SessionSnapshot, to: SessionSnapshot): Set<string> {
  const changed = new Set<string>()
  if (!sameCookie(from.cookie, to.cookie)) changed.add(COOKIE)
  if (from.content === to.content) return changed
  const [before, after] = [valuesIn(from), valuesIn(to)]
  for (const [key, value] of after) if (before.get(key) !== value) changed.add(key)
  for (const key of before.keys()) if (!after.has(key)) changed.add(key)
  return changed
}

/** All of theirs, and over it what was changed `here`; in their order of keys, what is new at the end. */
function combine(
  mine: SessionSnapshot,
  here: ReadonlySet<string>,
  theirs: SessionSnapshot,
  there: ReadonlySet<string>,
): SessionSnapshot {
  const values = valuesIn(theirs)
  const own = valuesIn(mine)
  for (const key of here) {
    const value = own.get(key)
    if (value === undefined) values.delete(key)
    else values.set(key, value)
  }
  const members = Array.from(values, ([key, value]) => `${JSON.stringify(key)}:${value}`)
  const isTheirs = there.has(COOKIE) && !here.has(COOKIE)
  return { content: `{${members.join()}}`, cookie: isTheirs ? beginAnew(theirs.cookie) : mine.cookie }
}

/** Each key with the JSON of its value: a key named `__proto__` is one like any other here. */
function valuesIn({ content }: SessionSnapshot): Map<string, string> {
  return new Map(Object.entries(JSON.parse(content)).map(([key, value]) => [key, JSON.stringify(value)]))
}
