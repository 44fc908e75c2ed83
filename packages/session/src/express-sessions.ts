import { WaxsealTypeError } from '@waxseal/core'
import { CARRIER } from './session-content.ts'

/** The function that express-session assigns to a store: puts `sessionID` and a new `session` on the request. */
export type GenerateSession = (request: never) => void

interface Request {
  session?: object
  sessionID?: string
}

interface Cookie {
  expires: Date | null
  maxAge: number | null
  originalMaxAge: number | null
  [name: string]: unknown
}

interface StoredCookie {
  expires?: string | Date | null
  originalMaxAge?: number | null
  [name: string]: unknown
}

type SessionConstructor = new (request: object, data: object) => object

/**
 * Makes express-session's own Session and Cookie objects without importing it: their constructors are read off one
 * session that its `generate` makes.
 */
export class ExpressSessions {
  #Session: SessionConstructor | undefined
  #cookiePrototype: object | undefined

  /** Turns stored data into `request.session`, like express-session's own `Store.createSession`. */
  create(generate: GenerateSession | undefined, request: object, data: object): object {
    const { Session, cookiePrototype } = this.#shapes(generate, request)
    const { cookie: stored, [CARRIER]: _carrier, ...content } = data as { cookie?: StoredCookie; [CARRIER]?: unknown }
    const session = new Session(request, { ...content, cookie: restoreCookie(cookiePrototype, stored ?? {}) })
    ;(request as Request).session = session
    return session
  }

  #shapes(generate: GenerateSession | undefined, request: object) {
    if (this.#Session === undefined || this.#cookiePrototype === undefined) {
      if (generate === undefined) {
        throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'createSession works once express-session has this store')
      }
      // Inherits from the request, so that a `genid` or cookie function sees the real one, and writes beside it.
      const probe: Request & { session?: { cookie?: object } } = Object.create(request, {
        session: { value: undefined, writable: true },
        sessionID: { value: undefined, writable: true },
      })
      generate(probe as never)
      this.#Session = probe.session?.constructor as SessionConstructor
      this.#cookiePrototype = Object.getPrototypeOf(probe.session?.cookie) as object
    }
    return { Session: this.#Session, cookiePrototype: this.#cookiePrototype }
  }
}

function restoreCookie(prototype: object, stored: StoredCookie): Cookie {
  const { data: _data, expires, originalMaxAge, ...attributes } = stored
  const cookie: Cookie = Object.create(prototype)
  // The defaults of express-session's Cookie; `expires` and `maxAge` are setters that also move originalMaxAge.
  Object.assign(cookie, { path: '/', maxAge: null, httpOnly: true }, attributes)
  if (expires) cookie.expires = new Date(expires)
  if (originalMaxAge !== undefined) cookie.originalMaxAge = originalMaxAge
  return cookie
}
