import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AppProcess, type DynamoDBAppName, HttpClient, signIn } from '../src/testing/index.ts'
import { type Cloud, startCloud } from './cloud.ts'

const EMAIL = 'ada@example.com'

// Cookies know no ports: both apps on localhost get the same one.
describe('with the same table, keys, secret and cookie name', () => {
  let cloud: Cloud
  const apps = {} as Record<DynamoDBAppName, AppProcess>

  beforeAll(async () => {
    cloud = await startCloud()
    for (const name of ['express-dynamodb', 'fastify-dynamodb'] as const) apps[name] = await cloud.start(name)
  })
  afterAll(() => cloud.close())

  test.each<[DynamoDBAppName, DynamoDBAppName]>([
    ['express-dynamodb', 'fastify-dynamodb'],
    ['fastify-dynamodb', 'express-dynamodb'],
  ])('a session written by %s opens in %s', async (writerName, readerName) => {
    const writer = apps[writerName].url
    const reader = apps[readerName].url
    const client = new HttpClient()
    await signIn(client, writer, EMAIL)
    const own = await client.json<{ email: string; sessionId: string }>(`${writer}/protected`)
    expect(own.email).toBe(EMAIL)
    expect(await client.json(`${reader}/protected`)).toEqual(own)

    // The reader may write to it as well, and the writer sees that.
    await client.post(`${reader}/note`, { note: `from ${readerName}` })
    expect((await client.get(`${writer}/`)).text).toContain(`from ${readerName}`)

    // Signed out at one, signed out at both, also with the old cookie.
    const cookie = client.cookies(writer)
    await client.post(`${reader}/auth/logout`)
    for (const url of [writer, reader]) {
      expect((await new HttpClient().get(`${url}/protected`, { cookie })).status).toBe(401)
    }
  })
})
