import { type FakeKms, startFakeKms } from '@waxseal/testing/kms'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HttpClient, signIn } from '../src/testing/index.ts'
import { type Cloud, startCloud } from './cloud.ts'

const EMAIL = 'ada@example.com'

describe.each(['express-dynamodb', 'fastify-dynamodb'] as const)('%s with KMS_KEY_ARN', (name) => {
  let cloud: Cloud
  let kms: FakeKms
  beforeAll(async () => {
    kms = await startFakeKms()
    cloud = await startCloud()
  })
  afterAll(async () => {
    await cloud.close()
    await kms.close()
  })

  test('seals under that key, asks KMS hardly ever, and stays signed in over a restart', async () => {
    const keyArn = kms.createKey()
    const env = { KMS_KEY_ARN: keyArn, AWS_ENDPOINT_URL_KMS: kms.endpoint, AWS_REGION: keyArn.split(':')[3] ?? '' }
    const app = await cloud.start(name, env)
    const client = new HttpClient()
    await signIn(client, app.url, EMAIL)
    for (let i = 0; i < 20; i++) await client.post(`${app.url}/note`, { note: `note ${i}` })
    await app.stop()
    const restarted = await cloud.start(name, env)
    expect(await client.json(`${restarted.url}/protected`)).toMatchObject({ email: EMAIL })

    const operations = kms.calls.map(({ operation }) => operation)
    expect(operations.filter((operation) => operation === 'GenerateDataKey')).toHaveLength(1)
    expect(operations.length).toBeLessThanOrEqual(3)
    const keyId = keyArn.split('/')[1] ?? ''
    const kids = (await cloud.rows()).map(String).filter((row) => row.startsWith('kid'))
    expect(kids.length).toBeGreaterThan(0)
    for (const kid of kids) expect(kid).toBe(`kid${keyArn.split(':')[3]}:${keyId}`)
  })
})
