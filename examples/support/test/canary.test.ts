import { createHash } from 'node:crypto'
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { createEnvelope, localKeyring } from '@waxseal/core'
import { DynamoDBSessionStore } from '@waxseal/dynamodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AppSession } from '../src/index.ts'
import {
  type AppProcess,
  type DynamoDBAppName,
  findLeaks,
  HttpClient,
  type Secrets,
  signIn,
} from '../src/testing/index.ts'
import { type Cloud, startCloud } from './cloud.ts'

const EMAIL = 'canary.9f3c@secret-example.test'
const NOTE = 'canary note 7731 in the session'

describe.each<DynamoDBAppName>(['express-dynamodb', 'fastify-dynamodb'])('%s, signed in with known secrets', (name) => {
  let cloud: Cloud
  let app: AppProcess
  let secrets: Secrets
  /** What the app answered to everything that went wrong. */
  let errorAnswers = ''
  let storedRows: Buffer[]
  const client = new HttpClient()

  beforeAll(async () => {
    cloud = await startCloud()
    app = await cloud.start(name)
    await signIn(client, app.url, EMAIL)
    await client.post(`${app.url}/note`, { note: NOTE })
    const { sessionId } = await client.json<{ sessionId: string }>(`${app.url}/protected`)
    await client.get(`${app.url}/mcp/status`)
    secrets = secretsOf(sessionId)
    storedRows = await cloud.rows()
    await provokeErrors(sessionId)
  })

  afterAll(() => cloud.close())

  function secretsOf(sessionId: string): Secrets {
    const [tokens] = cloud.issued
    const callback = new URL(client.visited.find((url) => url.includes('/auth/callback')) ?? '')
    return {
      'e-mail': EMAIL,
      note: NOTE,
      'access token': tokens?.accessToken ?? '',
      'id token': tokens?.idToken ?? '',
      'refresh token': tokens?.refreshToken ?? '',
      'session id': sessionId,
      'cookie signature': /connect\.sid=[^;]*\.([^;]+)/.exec(client.cookies(app.url))?.[1] ?? '',
      'authorization code': callback.searchParams.get('code') ?? '',
      state: callback.searchParams.get('state') ?? '',
      'session secret': cloud.sessionSecret,
      'root key': cloud.keys.split(':')[1] ?? '',
    }
  }

  async function provokeErrors(sessionId: string): Promise<void> {
    const cookie = client.cookies(app.url)
    const provoke = async (path: string, headers: Record<string, string>, expected: number, form?: object) => {
      const fresh = new HttpClient()
      const { status, text } = form
        ? await fresh.post(app.url + path, { ...form }, headers)
        : await fresh.get(app.url + path, headers)
      expect(`${path} ${status}`).toBe(`${path} ${expected}`)
      errorAnswers += text
    }
    await provoke('/protected', { cookie: `${cookie}x` }, 401)
    await provoke('/protected', { cookie: `connect.sid=${sessionId}` }, 401)
    await provoke('/auth/logout', { cookie, origin: 'https://elsewhere.example' }, 403, {})
    await provoke('/note', { cookie }, 413, { note: NOTE.repeat(60_000) })
    await client.get(`${app.url}/auth/login`)
    await provoke('/auth/callback?code=forged&state=forged', { cookie }, 400)
    await withFlippedByte(sessionId, () => provoke('/protected', { cookie }, 401))
    await provoke('/protected', { cookie }, 200)
    await cloud.stopDatabase()
    await provoke('/protected', { cookie }, 503)
    await provoke('/', { cookie }, 503)
    await provoke('/note', { cookie }, 503, { note: 'unsaved' })
    // Without a cookie nothing is read: it is the write that fails.
    await provoke('/auth/login', {}, 503)
    errorAnswers = errorAnswers.replaceAll(JSON.stringify({ email: EMAIL, sessionId }), '')
  }

  async function withFlippedByte(sessionId: string, action: () => Promise<void>): Promise<void> {
    const Key = { sessionId: { S: createHash('sha256').update(sessionId).digest('base64url') } }
    const { Item } = await cloud.client.send(new GetItemCommand({ TableName: cloud.tableName, Key }))
    const altered = Uint8Array.from(Item?.record?.B ?? [])
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
    const put = (record: Uint8Array) =>
      cloud.client.send(new PutItemCommand({ TableName: cloud.tableName, Item: { ...Item, record: { B: record } } }))
    await put(altered)
    await action()
    await put(Item?.record?.B ?? new Uint8Array())
  }

  test('the secrets are the ones of this session', async () => {
    expect(cloud.issued).toHaveLength(1)
    // All of them at least as long as findLeaks demands, or this throws.
    const everything = Object.values(secrets).join(' ')
    expect(findLeaks(everything, secrets)).toEqual(Object.keys(secrets))
  })

  test('no attribute of any row holds one, in any encoding', () => {
    expect(storedRows.length).toBeGreaterThanOrEqual(7)
    expect(storedRows.flatMap((attribute) => findLeaks(attribute, secrets))).toEqual([])
  })

  test('nothing that the process printed holds one', () => {
    // The log is there, down to the finest level, and tells of the errors.
    expect(app.output).toContain('waxseal:session')
    expect(app.output).toContain('ERR_WAXSEAL_INTEGRITY')
    expect(app.output).toMatch(/ERR_WAXSEAL_STORE_(UNAVAILABLE|TIMEOUT)/)
    expect(findLeaks(app.output, secrets)).toEqual([])
  })

  test('no answer to an error holds one', () => {
    expect(errorAnswers.match(/cannot be reached/g)).toHaveLength(4)
    expect(findLeaks(errorAnswers, secrets)).toEqual([])
  })
})

test('the session itself holds the tokens, for who has the key', async () => {
  const cloud = await startCloud()
  try {
    const app = await cloud.start('express-dynamodb')
    const client = new HttpClient()
    await signIn(client, app.url, EMAIL)
    const { sessionId } = await client.json<{ sessionId: string }>(`${app.url}/protected`)
    const { client: database, tableName, keys } = cloud
    const envelope = createEnvelope({ keyring: localKeyring(keys), encryptionContext: { app: 'waxseal-example' } })
    const store = new DynamoDBSessionStore({ client: database, tableName, envelope })
    const session = await store.get<AppSession>(sessionId)
    expect(session?.user?.email).toBe(EMAIL)
    expect(session?.tokens).toMatchObject({ ...cloud.issued[0] })
    await envelope.dispose()
  } finally {
    await cloud.close()
  }
})
