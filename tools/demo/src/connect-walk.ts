import assert from 'node:assert/strict'
import { type AppProcess, connect, findLeaks, HttpClient, signIn } from '@waxseal-examples/support/testing'
import type { Report } from './report.ts'
import { inspectVault } from './vault-table.ts'

const EMAIL = 'ada.lovelace@example.com'
const ACCOUNT = 'shop@example.com'

/** The Express example's vault: an account is connected, and its tokens are in Postgres, sealed. Leaves nobody signed in. */
export async function connectWalk(app: AppProcess, data: string, report: Report): Promise<void> {
  const client = new HttpClient()
  await report.check('connect: an account beside the session, its tokens sealed in Postgres', async () => {
    await signIn(client, app.url, EMAIL)
    const { text } = await connect(client, app.url, ACCOUNT)
    const { provider, account, status } = JSON.parse(text) as Record<string, unknown>
    assert.deepEqual([provider, account, status], ['google', ACCOUNT, 'ACTIVE'])
    await client.post(`${app.url}/auth/logout`)
    await app.kill()
    const { tokens, everyByte } = await inspectVault('express-dynamodb', data)
    await app.start()
    assert.deepEqual(Object.keys(tokens), [`${ACCOUNT} access_token`, `${ACCOUNT} refresh_token`])
    assert.ok(everyByte.includes(ACCOUNT))
    assert.deepEqual(findLeaks(everyByte, tokens), [])
    assert.deepEqual(findLeaks(text + app.output, tokens), [])
    return `${everyByte.length} bytes searched`
  })
}
