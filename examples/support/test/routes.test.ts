import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AppProcess, type DynamoDBAppName, HttpClient, signIn } from '../src/testing/index.ts'
import { type Cloud, startCloud } from './cloud.ts'

const EMAIL = 'ada.lovelace@example.com'

describe.each<DynamoDBAppName>(['express-dynamodb', 'fastify-dynamodb'])('%s', (name) => {
  let cloud: Cloud
  let app: AppProcess
  beforeAll(async () => {
    cloud = await startCloud()
    app = await cloud.start(name)
  })
  afterAll(() => cloud.close())

  const sessionCookie = (client: HttpClient) => /connect\.sid=[^;]+/.exec(client.cookies(app.url))?.[0]

  test('stores nothing and sets no cookie for who only looks', async () => {
    const client = new HttpClient()
    for (const path of ['/', '/protected', '/mcp/status']) await client.get(app.url + path)
    expect(client.cookies(app.url)).toBe('')
    expect(await cloud.rows()).toEqual([])
  })

  test('/protected gives e-mail and session id, and 401 when signed out', async () => {
    const client = new HttpClient()
    expect((await client.get(`${app.url}/protected`)).status).toBe(401)
    await signIn(client, app.url, EMAIL)
    const { email, sessionId } = await client.json<{ email: string; sessionId: string }>(`${app.url}/protected`)
    expect(email).toBe(EMAIL)
    expect(decodeURIComponent(sessionCookie(client) ?? '')).toContain(`=s:${sessionId}.`)
  })

  test('/mcp/status is JSON that ends, or events', async () => {
    const client = new HttpClient()
    expect(await client.json(`${app.url}/mcp/status`)).toMatchObject({ authenticated: false, email: null })
    await signIn(client, app.url, EMAIL)
    expect(await client.json(`${app.url}/mcp/status`)).toMatchObject({ authenticated: true, email: EMAIL })

    const headers = { accept: 'text/event-stream', cookie: client.cookies(app.url) }
    const stream = await fetch(`${app.url}/mcp/status`, { headers })
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    const text = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    let events = ''
    while (!events.includes('data: ')) events += (await text?.read())?.value
    expect(events).toMatch(/^retry: \d+\n\n/)
    expect(events).toContain(`"email":"${EMAIL}"`)
    await text?.cancel()
  })

  test('sets a cookie that scripts and other sites do not get, and believes no proxy that it does not have', async () => {
    const { cookie, redirectUri } = await beginSignIn(app.url, { 'x-forwarded-host': 'elsewhere.example' })
    expect(cookie).toMatch(/^connect\.sid=(?=.*; HttpOnly)(?=.*; SameSite=Lax)(?!.*; Secure)/)
    expect(redirectUri).toBe(`${app.url}/auth/callback`)
  })

  test('gives the session a new id at sign-in, and ends the old one', async () => {
    const client = new HttpClient()
    const form = await client.get(`${app.url}/auth/login`)
    const before = sessionCookie(client)
    await client.post(form.url, { email: EMAIL })
    expect(before).toBeDefined()
    expect(sessionCookie(client)).not.toBe(before)
    const old = await new HttpClient().get(`${app.url}/protected`, { cookie: before ?? '' })
    expect(old.status).toBe(401)
  })

  test('lists where the user is signed in, and ends one of them or all others, of nobody else', async () => {
    const [first, second, third, other] = [new HttpClient(), new HttpClient(), new HttpClient(), new HttpClient()]
    const email = 'three.devices@example.com'
    for (const client of [first, second, third]) await signIn(client, app.url, email)
    await signIn(other, app.url, EMAIL)
    const statuses = () =>
      Promise.all([first, second, third, other].map(async (one) => (await one.get(`${app.url}/protected`)).status))

    const keys = [...(await first.get(app.url)).text.matchAll(/name="key" value="([^"]+)"/g)].map(
      ([, key]) => key ?? '',
    )
    expect(keys).toHaveLength(2)
    await other.post(`${app.url}/sessions/end`, { key: keys[0] ?? '' })
    await new HttpClient().post(`${app.url}/sessions/end-others`)
    expect(await statuses()).toEqual([200, 200, 200, 200])

    await first.post(`${app.url}/sessions/end`, { key: keys[0] ?? '' })
    expect((await statuses()).sort()).toEqual([200, 200, 200, 401])
    await first.post(`${app.url}/sessions/end-others`)
    expect(await statuses()).toEqual([200, 401, 401, 200])
    expect((await first.get(app.url)).text).not.toContain('name="key"')
  })

  test('takes no as an answer, and nothing that nobody asked for', async () => {
    const client = new HttpClient()
    const form = await client.get(`${app.url}/auth/login`)
    const cancelled = await client.post(form.url, { cancel: '1' })
    expect([cancelled.status, cancelled.text.includes('You are not signed in')]).toEqual([400, true])
    expect((await client.get(`${app.url}/protected`)).status).toBe(401)

    const unasked = await new HttpClient().get(`${app.url}/auth/callback?code=some&state=some`)
    expect([unasked.url, unasked.status]).toEqual([`${app.url}/`, 200])
  })

  test('asks again for what is no e-mail address', async () => {
    const client = new HttpClient()
    const form = await client.get(`${app.url}/auth/login`)
    const answer = await client.post(form.url, { email: '"><script>@' })
    expect(answer.status).toBe(422)
    expect(answer.text).toContain('That is not an e-mail address.')
    expect((await client.post(form.url, { email: EMAIL })).url).toBe(`${app.url}/`)
  })

  test('refuses a form from elsewhere, and takes its own', async () => {
    const client = new HttpClient()
    await signIn(client, app.url, EMAIL)
    // Another port of this machine is the same site, which SameSite lets through.
    for (const origin of ['https://elsewhere.example', 'http://localhost:1', 'null']) {
      expect((await client.post(`${app.url}/auth/logout`, {}, { origin })).status).toBe(403)
    }
    expect((await client.get(`${app.url}/protected`)).status).toBe(200)
    expect((await client.post(`${app.url}/auth/logout`, {}, { origin: app.url })).url).toBe(`${app.url}/`)
    expect((await client.get(`${app.url}/protected`)).status).toBe(401)
    expect(sessionCookie(client)).toBeUndefined()
  })
})

test.each<DynamoDBAppName>(['express-dynamodb', 'fastify-dynamodb'])(
  '%s in production, behind a proxy',
  async (name) => {
    const cloud = await startCloud()
    try {
      const app = await cloud.start(name, { NODE_ENV: 'production', DATABASE_URL: 'postgres://localhost/unused' })
      const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' }
      const { cookie, redirectUri } = await beginSignIn(app.url, headers)
      expect(cookie).toMatch(/^connect\.sid=(?=.*; HttpOnly)(?=.*; SameSite=Lax)(?=.*; Secure)/)
      expect(redirectUri).toBe('https://shop.example/auth/callback')
    } finally {
      await cloud.close()
    }
  },
)

async function beginSignIn(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}/auth/login`, { headers, redirect: 'manual' })
  const location = new URL(answer.headers.get('location') ?? '')
  return { cookie: answer.headers.getSetCookie().join('\n'), redirectUri: location.searchParams.get('redirect_uri') }
}
