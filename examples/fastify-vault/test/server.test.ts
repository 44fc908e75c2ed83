/** On a Postgres server, as in production: two processes of the app, one database, one provider. */
import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  AppProcess,
  connect,
  freePort,
  HttpClient,
  type IssuedTokens,
  signIn,
  startLocalProvider,
} from '@waxseal-examples/support/testing'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import '@waxseal/engines/vitest-setup'

const ACCOUNT = 'shop@example.com'

async function newDatabase(): Promise<string> {
  const url = new URL(inject('postgres'))
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  url.pathname = `/app_${randomUUID().replaceAll('-', '')}`
  await client.query(`create database ${url.pathname.slice(1)}`)
  await client.end()
  return url.href
}

test('migrated once, two processes share sessions and grants, and ask the provider once', async () => {
  const ports = [await freePort(), await freePort()]
  const issued: IssuedTokens[] = []
  const provider = await startLocalProvider({
    redirectUris: ports.flatMap((port) => ['auth', 'connect'].map((way) => `http://localhost:${port}/${way}/callback`)),
    onError: (error) => console.error(error),
    onTokens: (tokens) => issued.push(tokens),
  })
  const env = {
    DATABASE_URL: await newDatabase(),
    ENCRYPTION_SECRET: randomBytes(32).toString('base64url'),
    SESSION_SECRET: randomBytes(32).toString('base64url'),
    OIDC_ISSUER: provider.issuer,
    GOOGLE_CLIENT_ID: provider.clientId,
    GOOGLE_CLIENT_SECRET: provider.clientSecret,
  }
  const migrate = ['--conditions=waxseal-source', '--import=tsx', 'src/migrate.ts']
  const cwd = join(import.meta.dirname, '..')
  await promisify(execFile)(process.execPath, migrate, { cwd, env: { ...process.env, ...env } })

  const apps = ports.map((port) => new AppProcess({ name: 'fastify-vault', port, env, fromSource: true }))
  const [one, other] = apps.map(({ url }) => url) as [string, string]
  try {
    await Promise.all(apps.map((app) => app.start()))
    const client = new HttpClient()
    await signIn(client, one, 'ada@example.com')
    await connect(client, other, ACCOUNT)
    await Promise.all([one, other].map((url) => client.post(`${url}/grants/refresh`, { account: ACCOUNT })))
    const [grant] = await client.json<{ account: string; status: string; version: number }[]>(`${one}/grants`)
    expect(grant).toMatchObject({ account: ACCOUNT, status: 'ACTIVE', version: 2 })
    // A sign-in, a connection, a refresh.
    expect(issued).toHaveLength(3)
    expect((await client.get(one)).text).not.toContain('/grants/burst')
  } finally {
    await Promise.all(apps.map((app) => app.stop()))
    await provider.close()
  }
}, 120_000)
