import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type AppProcess, HttpClient, signIn } from '@waxseal-examples/support/testing'
import type { KmsCloud } from './kms-cloud.ts'
import type { Report } from './report.ts'

const EMAIL = 'katherine.johnson@example.com'
const ACCOUNT_ID = '111122223333'

/** An app under a KMS key: hardly a call, sessions that survive, a key that is taken away and given back. */
export async function kmsWalk(app: AppProcess, { kms, keyArn, kid, rows }: KmsCloud, report: Report): Promise<void> {
  const client = new HttpClient()
  const check = report.check.bind(report)
  const restart = async (): Promise<void> => {
    await app.kill()
    await app.start()
  }
  const isSignedIn = async (): Promise<void> => {
    assert.equal((await client.json<{ email?: string }>(`${app.url}/protected`)).email, EMAIL)
  }

  await check('kms: starts with KMS_KEY_ARN, signs in', async () => {
    await app.start()
    await signIn(client, app.url, EMAIL)
    await isSignedIn()
    return undefined
  })
  // Without a session the rest proves nothing.
  if (report.failed > 0) return

  await check('kms: kill -9, start: still signed in', async () => {
    await restart()
    await isSignedIn()
    return undefined
  })
  await check('kms: 20 notes later KMS has been asked 3 times at most', async () => {
    for (let i = 0; i < 20; i++) await client.post(`${app.url}/note`, { note: `note ${i}` })
    const operations = kms.calls.map(({ operation }) => operation)
    assert.ok(operations.length <= 3 && operations.includes('GenerateDataKey'), operations.join(', '))
    return operations.join(', ')
  })
  await check('kms: the row names the KMS key, and no account', async () => {
    const [row, ...more] = await rows()
    assert.deepEqual([row?.kid?.S, more.length], [kid, 0])
    for (const { S = '', N = '', B = [] } of Object.values(row ?? {})) {
      assert.ok(!Buffer.concat([Buffer.from(S + N), Buffer.from(B)]).includes(ACCOUNT_ID))
    }
    return kid
  })

  await check('kms: silent: the running app goes on, reading and writing', async () => {
    kms.fail('silence')
    await client.post(`${app.url}/note`, { note: 'written while KMS was silent' })
    await isSignedIn()
    const page = await client.get(app.url)
    assert.match(page.text, /written while KMS was silent/)
    kms.recover()
    return undefined
  })
  await check('kms: key disabled: an app that starts answers an error, signs nobody out', async () => {
    kms.setKeyState(keyArn, 'Disabled')
    await restart()
    const answer = await client.get(`${app.url}/protected`)
    assert.ok(answer.status >= 500, `HTTP ${answer.status}`)
    assert.equal(kms.calls.at(-1)?.outcome, 'DisabledException')
    assert.equal((await rows()).length, 1)
    return `HTTP ${answer.status}`
  })
  await check('kms: key enabled: within seconds the same user is back without a new sign-in', async () => {
    kms.setKeyState(keyArn, 'Enabled')
    const begun = performance.now()
    // A denial is remembered for 5 seconds.
    while (performance.now() - begun < 10_000 && (await client.get(`${app.url}/protected`)).status >= 500)
      await delay(250)
    await isSignedIn()
    return `${((performance.now() - begun) / 1000).toFixed(1)} s`
  })
}
