import { COOKIE_NAME } from './apps.ts'

/** A browser as far as sessions go: one cookie. */
export class Browser {
  readonly #url: string
  cookie: string | undefined

  constructor({ url }: { url: string }, cookie?: string) {
    this.#url = url
    this.cookie = cookie
  }

  async get(path: string): Promise<{ status: number; body: unknown; setCookie: string | undefined }> {
    const headers = this.cookie === undefined ? {} : { cookie: this.cookie }
    const response = await fetch(this.#url + path, { headers })
    const setCookie = response.headers.getSetCookie().find((line) => line.startsWith(`${COOKIE_NAME}=`))
    if (setCookie !== undefined) this.cookie = setCookie.split(';', 1)[0]
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : parse(text), setCookie }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
