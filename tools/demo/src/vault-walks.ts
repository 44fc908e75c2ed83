import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AppProcess,
  connect,
  findLeaks,
  HttpClient,
  type Secrets,
  signIn,
} from '@waxseal-examples/support/testing'
import type { Report } from './report.ts'
import { inspectVault, type VaultFindings } from './vault-table.ts'

const EMAIL = 'ada.lovelace@example.com'
const [FIRST, SECOND, OTHER] = ['shop@example.com', 'office@example.com', 'garage@example.com']
const API_KEY = 'voicenter-key-7f3a91c2d85e'

/** A grant as the app lists it, in part. */
interface Grant {
  readonly account: string
  readonly provider: string
  readonly status: string
  readonly version: number
}

/** Two tenants, their grants, refreshes, a restart, what the files hold: over HTTP. Leaves the app running. */
export async function vaultWalks(app: AppProcess, data: string, report: Report): Promise<void> {
  const check = report.check.bind(report)
  const client = new HttpClient()
  const post = (path: string, form: Record<string, string>) => client.post(app.url + path, form)
  const grants = () => client.json<Grant[]>(`${app.url}/grants`)
  const grantOf = async (account: string): Promise<Grant | undefined> =>
    (await grants()).find((grant) => grant.account === account)
  let tenants: string[] = []

  await check('starts with nothing configured', () => app.start().then(() => app.url))
  await check('signed out: /grants answers 401', async () => {
    assert.equal((await client.get(`${app.url}/grants`)).status, 401)
    return undefined
  })
  await check('signs in, connects two accounts and an API key', async () => {
    const page = await signIn(client, app.url, EMAIL)
    tenants = [...page.text.matchAll(/name="tenant" value="([\w-]+)"/g)].map(([, id = '']) => id)
    await connect(client, app.url, FIRST)
    await connect(client, app.url, SECOND)
    await post('/api-keys', { key: API_KEY })
    const found = (await grants()).map(({ provider, account, status }) => `${provider} ${account} ${status}`)
    assert.deepEqual(found.sort(), [`google ${SECOND} ACTIVE`, `google ${FIRST} ACTIVE`, 'voicenter  ACTIVE'])
    return undefined
  })
  // Without grants the rest proves nothing.
  if (report.failed > 0) return

  await check('the other tenant: sees none of them, revokes none of them, connects its own', async () => {
    await post('/tenant', { tenant: tenants[1] ?? '' })
    assert.deepEqual(await grants(), [])
    assert.match((await post('/grants/revoke', { provider: 'google', account: FIRST })).text, /no such grant/)
    await connect(client, app.url, OTHER)
    assert.deepEqual(
      (await grants()).map(({ account }) => account),
      [OTHER],
    )
    await post('/tenant', { tenant: tenants[0] ?? '' })
    assert.equal((await grantOf(FIRST))?.status, 'ACTIVE')
    return undefined
  })
  await check('50 calls refused with 401: one refresh, all succeed, the rotating grant lives', async () => {
    const { text } = await post('/grants/burst', { account: FIRST })
    const [, notice = text] = /class="notice"[^>]*>([^<]*)/.exec(text) ?? []
    assert.match(notice, /^50 calls at once: 50 were .* 401, the provider was asked once, 50 succeeded/)
    assert.deepEqual([(await grantOf(FIRST))?.version, (await grantOf(FIRST))?.status], [2, 'ACTIVE'])
    return notice
  })
  await check('refresh now: once a minute, however often the button is pressed', async () => {
    for (let press = 0; press < 3; press++) await post('/grants/refresh', { account: SECOND })
    assert.deepEqual([(await grantOf(SECOND))?.version, (await grantOf(SECOND))?.status], [2, 'ACTIVE'])
    return undefined
  })

  const pages = [(await client.get(app.url)).text, (await client.get(`${app.url}/grants`)).text]
  await app.kill()
  const found = await inspectVault('fastify-vault', data)
  await fileChecks(report, found, pages, app)

  await check('kill -9, start: still signed in, same grants, and they still renew', async () => {
    await app.start()
    assert.equal((await grantOf(FIRST))?.version, 2)
    await post('/tenant', { tenant: tenants[1] ?? '' })
    await post('/grants/refresh', { account: OTHER })
    assert.deepEqual([(await grantOf(OTHER))?.version, (await grantOf(OTHER))?.status], [2, 'ACTIVE'])
    return undefined
  })
  await check('a form of another origin: refused', async () => {
    const headers = { origin: 'https://elsewhere.example' }
    const form = { provider: 'google', account: OTHER }
    assert.equal((await client.post(`${app.url}/grants/revoke`, form, headers)).status, 403)
    assert.equal((await grantOf(OTHER))?.status, 'ACTIVE')
    return undefined
  })
  await revokeCheck(report, app, data, found, async () => {
    await post('/tenant', { tenant: tenants[0] ?? '' })
    await post('/grants/revoke', { provider: 'google', account: FIRST })
    assert.equal((await grantOf(FIRST))?.status, 'REVOKED')
  })
  await check('sign out: the old cookie is dead', async () => {
    const cookie = client.cookies(app.url)
    await post('/auth/logout', {})
    assert.equal((await new HttpClient().get(`${app.url}/grants`, { cookie })).status, 401)
    return undefined
  })
}

async function fileChecks(report: Report, found: VaultFindings, pages: readonly string[], app: AppProcess) {
  const check = report.check.bind(report)
  const secrets: Secrets = found.tokens
  await check('the key opens every row: access and refresh tokens, and the API key', () => {
    const names = [FIRST, SECOND, OTHER].flatMap((account) => [`${account} access_token`, `${account} refresh_token`])
    assert.deepEqual(Object.keys(secrets).sort(), [' api_key', ...names].sort())
    assert.equal(secrets[' api_key'], API_KEY)
    return `${names.length + 1} secrets`
  })
  await check('none of them in the files of the database, raw, as base64 or hex', () => {
    // What does stand there is found: the search is not blind.
    assert.ok(found.everyByte.includes(FIRST))
    assert.deepEqual(findLeaks(found.everyByte, secrets), [])
    return `${found.everyByte.length} bytes searched`
  })
  await check('none in what the app printed, at the finest log level, nor on its pages', () => {
    assert.match(app.output, /waxseal:vault/)
    assert.deepEqual(findLeaks(app.output, secrets), [])
    assert.deepEqual(findLeaks(pages.join('\n'), secrets), [])
    return `${app.output.length} characters searched`
  })
}

/** The provider keeps what it knows in a file of its own, which says whether it was told. */
async function revokeCheck(
  report: Report,
  app: AppProcess,
  data: string,
  found: VaultFindings,
  revoke: () => Promise<void>,
): Promise<void> {
  await report.check('revoke: the provider has forgotten the grant, the row holds no token', async () => {
    const refreshToken = found.tokens[`${FIRST} refresh_token`] ?? ''
    const known = async () => (await readFile(join(data, 'provider.json'), 'utf8')).includes(refreshToken)
    assert.ok(refreshToken !== '' && (await known()))
    await revoke()
    assert.ok(!(await known()), 'the provider still takes the refresh token')
    await app.stop()
    const { sealed } = await inspectVault('fastify-vault', data)
    assert.equal(sealed.get(FIRST), null)
    await app.start()
    return undefined
  })
}
