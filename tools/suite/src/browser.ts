import { once } from 'node:events'
import { request } from 'node:http'
import { COOKIE_NAME } from './apps.ts'

/** What a browser got. */
export interface Answer {
  readonly status: number
  /** JSON, else text; `undefined` for an empty body. */
  readonly body: unknown
  /** The line that sets the session's cookie. */
  readonly setCookie: string | undefined
}

/** A browser as far as sessions go: one cookie. */
export class Browser {
  readonly #url: string
  cookie: string | undefined

  constructor({ url }: { url: string }, cookie?: string) {
    this.#url = url
    this.cookie = cookie
  }

  /** Another tab of the same browser: starts with the same cookie. */
  newTab(): Browser {
    return new Browser({ url: this.#url }, this.cookie)
  }

  async get(path: string): Promise<Answer> {
    const headers = this.cookie === undefined ? {} : { cookie: this.cookie }
    const response = await fetch(this.#url + path, { headers })
    const setCookie = response.headers.getSetCookie().find((line) => line.startsWith(`${COOKIE_NAME}=`))
    if (setCookie !== undefined) this.cookie = setCookie.split(';', 1)[0]
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : parse(text), setCookie }
  }

  /** Reads the answer over a slow line; gives the bytes that arrived and whether the answer was complete. */
  async readSlowly(path: string): Promise<{ bytes: number; complete: boolean }> {
    const sent = request(this.#url + path, { headers: { cookie: this.cookie ?? '' } }).end()
    const [response] = await once(sent, 'response')
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      response.pause()
      setTimeout(() => response.resume(), 2)
    })
    await Promise.race([once(response, 'end'), once(response, 'close')])
    return { bytes, complete: response.complete }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
