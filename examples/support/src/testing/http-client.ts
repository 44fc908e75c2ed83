/** An answer with its body already read. */
export interface Answer {
  readonly status: number
  /** Where the last redirect led, or the URL asked for. */
  readonly url: string
  readonly headers: Headers
  readonly text: string
}

const MAX_REDIRECTS = 10
/** The embedded Postgres of an example takes this long to make its files where the machine has much else to do. */
const TIMEOUT_MILLISECONDS = 60_000

/** A browser without a window: follows redirects and keeps cookies per host, as browsers do, whatever the port. */
export class HttpClient {
  readonly #jars = new Map<string, Map<string, string>>()
  /** Every URL that was asked for, redirects included. */
  readonly visited: string[] = []

  get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#request(url, { headers })
  }

  post(url: string, form: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#request(url, { method: 'POST', body: new URLSearchParams(form), headers })
  }

  async json<T>(url: string): Promise<T> {
    return JSON.parse((await this.get(url)).text) as T
  }

  /** The value of the Cookie header for this URL. */
  cookies(url: string): string {
    const jar = this.#jars.get(new URL(url).hostname) ?? new Map<string, string>()
    return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async #request(start: string, init: RequestInit): Promise<Answer> {
    let url = start
    let next = init
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#send(url, next)
      const location = response.headers.get('location')
      if (location === null || response.status < 300) {
        return { status: response.status, url, headers: response.headers, text: await response.text() }
      }
      await response.body?.cancel()
      url = new URL(location, url).href
      next = {}
    }
    throw new Error(`More than ${MAX_REDIRECTS} redirects from ${start}`)
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    this.visited.push(url)
    const headers = { cookie: this.cookies(url), ...(init.headers as Record<string, string>) }
    const response = await fetch(url, {
      ...init,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    })
    this.#keep(new URL(url).hostname, response.headers.getSetCookie())
    return response
  }

  #keep(host: string, lines: readonly string[]): void {
    const jar = this.#jars.get(host) ?? new Map<string, string>()
    this.#jars.set(host, jar)
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
      const expires = /;\s*expires=([^;]+)/i.exec(line)?.[1]
      if (expires !== undefined && Date.parse(expires) <= Date.now()) jar.delete(name)
      else jar.set(name, value)
    }
  }
}

/** Signs in through the provider's form and returns the page that the app shows then. */
export async function signIn(client: HttpClient, appUrl: string, email: string): Promise<Answer> {
  const form = await client.get(`${appUrl}/auth/login`)
  if (form.status !== 200) throw new Error(`No sign-in form: HTTP ${form.status} at ${new URL(form.url).pathname}`)
  return client.post(form.url, { email })
}

/** Connects an account through the provider's form, for who is signed in, and returns the page that the app shows then. */
export async function connect(client: HttpClient, appUrl: string, account: string): Promise<Answer> {
  const form = await client.get(`${appUrl}/connect`)
  if (form.status !== 200) throw new Error(`No sign-in form: HTTP ${form.status} at ${new URL(form.url).pathname}`)
  return client.post(form.url, { email: account })
}
