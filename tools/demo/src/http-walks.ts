import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Status } from '@waxseal-examples/support'
import {
  type AppProcess,
  eventStream,
  findLeaks,
  HttpClient,
  type Secrets,
  signIn,
} from '@waxseal-examples/support/testing'
import type { Report } from './report.ts'
import { inspectTable, type TableFindings } from './table-walk.ts'

const EMAIL = 'ada.lovelace@example.com'
const SEVEN_DAYS_IN_SECONDS = 604_800
const PAUSE_MILLISECONDS = 5000
/** More than all walks take: a stream that never comes back must not hang the check. */
const STREAM_MILLISECONDS = 120_000

interface Protected {
  readonly email: string
  readonly sessionId: string
}

/** Signing in, the three walks, signing out: over HTTP with a cookie jar. Leaves the app running, nobody signed in. */
export async function httpWalks(app: AppProcess, data: string, report: Report): Promise<void> {
  const client = new HttpClient()
  const check = report.check.bind(report)
  const me = (): Promise<Protected> => client.json<Protected>(`${app.url}/protected`)
  let signedIn: Protected = { email: '', sessionId: '' }
  let signedInAt = 0

  await check('starts with nothing configured', () => app.start().then(() => app.url))
  await check('signed out: /protected answers 401', async () => {
    assert.equal((await client.get(`${app.url}/protected`)).status, 401)
    return undefined
  })
  await check('signs in by OpenID Connect', async () => {
    assert.equal((await signIn(client, app.url, EMAIL)).url, `${app.url}/`)
    signedInAt = Date.now() / 1000
    signedIn = await me()
    assert.equal(signedIn.email, EMAIL)
    return signedIn.email
  })

  // Without a session the rest proves nothing.
  if (report.failed > 0) return

  const streamEnd = new AbortController()
  const signal = AbortSignal.any([streamEnd.signal, AbortSignal.timeout(STREAM_MILLISECONDS)])
  const stream = eventStream<Status>(`${app.url}/mcp/status`, client.cookies(app.url), signal)
  const first = await stream.next()
  await app.kill()
  const found = await inspectTable(data, signedIn.sessionId)
  await tableChecks(
    report,
    found,
    { ...found.tokens, 'e-mail': EMAIL, 'session id': signedIn.sessionId },
    signedInAt,
    app,
  )

  await check('walk 1: kill -9, start: still signed in, same e-mail and session', async () => {
    await app.start()
    assert.deepEqual(await me(), signedIn)
    return undefined
  })
  await statusWalk(report, app, client, first.value, stream)
  streamEnd.abort()

  await check('a second device: listed, ended from the first', async () => {
    const second = new HttpClient()
    await signIn(second, app.url, EMAIL)
    assert.match((await client.get(app.url)).text, /name="key" value="[\w-]{43}"/)
    await client.post(`${app.url}/sessions/end-others`)
    assert.equal((await second.get(`${app.url}/protected`)).status, 401)
    assert.deepEqual(await me(), signedIn)
    return undefined
  })

  const cookie = client.cookies(app.url)
  await check('sign out: /protected answers 401', async () => {
    await client.post(`${app.url}/auth/logout`)
    assert.equal((await client.get(`${app.url}/protected`)).status, 401)
    return undefined
  })
  await check('sign out: the old cookie is dead', async () => {
    assert.equal((await new HttpClient().get(`${app.url}/protected`, { cookie })).status, 401)
    return undefined
  })
  await app.stop()
  await check('sign out: the row is gone', async () => {
    const rows = (await inspectTable(data, signedIn.sessionId)).rows
    assert.equal(rows.length, 0)
    return undefined
  })
  await app.start()
}

async function tableChecks(
  report: Report,
  found: TableFindings,
  secrets: Secrets,
  signedInAt: number,
  app: AppProcess,
): Promise<void> {
  const check = report.check.bind(report)
  await check('walk 2: the key opens the record, and it holds the three tokens', () => {
    assert.deepEqual(Object.keys(found.tokens), ['accessToken', 'idToken', 'refreshToken'])
    return undefined
  })
  await check('walk 2: the item is unreadable and has a version field', () => {
    const [row] = found.rows
    assert.equal(found.rows.length, 1)
    assert.equal(row?.version?.N, '2')
    const record = Buffer.from(row?.record?.B ?? [])
    assert.equal(record[0], 0xec)
    // As `strings` would look for it: twenty readable characters in a row do not happen by chance.
    assert.doesNotMatch(record.toString('latin1'), /[\x20-\x7e]{20}/)
    return `${record.length} bytes`
  })
  await check('walk 2: ttl is 7 days ahead', () => {
    const seconds = Number(found.rows[0]?.ttl?.N) - signedInAt - SEVEN_DAYS_IN_SECONDS
    assert.ok(Math.abs(seconds) <= 60, `off by ${seconds} seconds`)
    return `off by ${seconds.toFixed(1)} s`
  })
  await check('walk 2: no token, e-mail or session id in the table or its files', () => {
    assertNone(findLeaks(found.everyByte, secrets))
    return `${found.everyByte.length} bytes searched`
  })
  await check('walk 2: none in what the app printed, at the finest log level', () => {
    assert.match(app.output, /waxseal:seal/)
    assertNone(findLeaks(app.output, secrets))
    return `${app.output.length} characters searched`
  })
}

function assertNone(leaks: readonly string[]): void {
  assert.ok(leaks.length === 0, `found: ${leaks.join(', ')}`)
}

async function statusWalk(
  report: Report,
  app: AppProcess,
  client: HttpClient,
  first: Status,
  stream: AsyncGenerator<Status>,
): Promise<void> {
  const check = report.check.bind(report)
  await check('walk 3: stop, wait 5 s, start: the status still shows the user', async () => {
    const before = await client.json<Status>(`${app.url}/mcp/status`)
    await app.stop()
    await delay(PAUSE_MILLISECONDS)
    await app.start()
    const after = await client.json<Status>(`${app.url}/mcp/status`)
    assert.deepEqual([before.email, after.email], [EMAIL, EMAIL])
    assert.notEqual(after.serverStartedAt, before.serverStartedAt)
    return undefined
  })
  await check('walk 3: the event stream found its way back by itself', async () => {
    assert.equal(first.email, EMAIL)
    const { serverStartedAt } = await client.json<Status>(`${app.url}/mcp/status`)
    for await (const status of stream) {
      assert.equal(status.email, EMAIL)
      if (status.serverStartedAt === serverStartedAt) return undefined
    }
    throw new Error('the stream ended')
  })
}
