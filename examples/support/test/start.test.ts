import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { configurationProblems } from '../src/environment.ts'
import { AppProcess, freePort, HttpClient, signIn } from '../src/testing/index.ts'
import { vaultConfigurationProblems } from '../src/vault-environment.ts'

const SECRET = 'x'.repeat(32)
const OIDC = { OIDC_ISSUER: 'https://id.example', GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret' }
const PRODUCTION = {
  NODE_ENV: 'production',
  SESSION_SECRET: SECRET,
  WAXSEAL_KEYS: 'k:x',
  SESSIONS_TABLE: 'sessions',
  ...OIDC,
}

function withKms(): NodeJS.ProcessEnv {
  const { WAXSEAL_KEYS, ...rest } = PRODUCTION
  return { ...rest, KMS_KEY_ARN: 'arn:aws:kms:eu-central-1:111122223333:key/k' }
}

describe('the configuration', () => {
  test.each<[string, NodeJS.ProcessEnv]>([
    ['nothing', {}],
    ['a secret of 32 characters', { SESSION_SECRET: SECRET }],
    ['a provider', OIDC],
    ['all that production needs', PRODUCTION],
    ['a KMS key in production', withKms()],
  ])('is good with %s', (_name, env) => {
    expect(configurationProblems(env)).toEqual([])
  })

  test.each<[string, NodeJS.ProcessEnv]>([
    ['SESSION_SECRET has 31 characters', { SESSION_SECRET: SECRET.slice(1) }],
    ['SESSION_SECRET is not set', { ...PRODUCTION, SESSION_SECRET: undefined }],
    ['WAXSEAL_KEYS is not set', { ...PRODUCTION, WAXSEAL_KEYS: undefined }],
    ['SESSIONS_TABLE is not set', { ...PRODUCTION, SESSIONS_TABLE: undefined }],
    ['GOOGLE_CLIENT_SECRET is not set', { ...OIDC, GOOGLE_CLIENT_SECRET: undefined }],
    ['OIDC_ISSUER is not a URL', { ...OIDC, OIDC_ISSUER: 'id.example' }],
    ['PORT', { PORT: 'eighty' }],
  ])('is refused: %s', (problem, env) => {
    const defined = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
    expect(configurationProblems(defined)).toEqual([expect.stringContaining(problem)])
  })
})

describe('the configuration of the vault', () => {
  const production = {
    NODE_ENV: 'production',
    SESSION_SECRET: SECRET,
    ENCRYPTION_SECRET: SECRET,
    DATABASE_URL: 'postgres://db.example/app',
    ...OIDC,
  }

  test.each<[string, NodeJS.ProcessEnv]>([
    ['nothing', {}],
    ['all that production needs', production],
  ])('is good with %s', (_name, env) => {
    expect(vaultConfigurationProblems(env)).toEqual([])
  })

  test.each<[string, NodeJS.ProcessEnv]>([
    ['ENCRYPTION_SECRET has 31 characters', { ENCRYPTION_SECRET: SECRET.slice(1) }],
    ['ENCRYPTION_SECRET has 31 characters', { ...production, ENCRYPTION_SECRET: SECRET.slice(1) }],
    ['ENCRYPTION_SECRET is not set', { ...production, ENCRYPTION_SECRET: undefined }],
    ['DATABASE_URL is not set', { ...production, DATABASE_URL: undefined }],
    ['SESSION_SECRET is not set', { ...production, SESSION_SECRET: undefined }],
  ])('is refused: %s', (problem, env) => {
    expect(vaultConfigurationProblems(env)).toEqual([expect.stringContaining(problem)])
  })

  test.each<[string, Record<string, string>]>([
    ['ENCRYPTION_SECRET has 16 characters: it needs 32 or more', { ENCRYPTION_SECRET: 'too-short-by-far' }],
    ['ENCRYPTION_SECRET is not set', { ...production, ENCRYPTION_SECRET: '' }],
  ])('stops the start: %s', async (problem, env) => {
    const app = new AppProcess({ name: 'fastify-vault', port: await freePort(), env, fromSource: true })
    await expect(app.start()).rejects.toThrow(problem)
    expect(app.output).not.toContain('too-short-by-far')
    expect(app.output).not.toContain('at ')
  })
})

describe.each(['express-dynamodb', 'fastify-dynamodb'] as const)('%s', (name) => {
  let data: string
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'waxseal-start-'))
  })
  afterAll(() => rm(data, { recursive: true }))

  const appWith = async (env: Record<string, string>) =>
    new AppProcess({ name, port: await freePort(), env: { DATA_DIR: data, ...env }, fromSource: true })

  test('does not start with a short secret, says why, and does not say the secret', async () => {
    const app = await appWith({ SESSION_SECRET: 'too-short-by-far' })
    await expect(app.start()).rejects.toThrow('SESSION_SECRET has 16 characters: it needs 32 or more')
    expect(app.output).not.toContain('too-short-by-far')
    expect(app.output).not.toContain('at ')
  })

  test('does not start in production without a secret', async () => {
    const { SESSION_SECRET: _, ...env } = PRODUCTION
    await expect((await appWith(env)).start()).rejects.toThrow('SESSION_SECRET is not set')
  })

  test('says so when its database is in use', async () => {
    const app = await appWith({})
    await app.start()
    try {
      await expect((await appWith({})).start()).rejects.toThrow('is this example running already?')
    } finally {
      await app.stop()
    }
  })

  test('keeps what it generated to this user, and a session over kill -9', async () => {
    const app = await appWith({})
    await app.start()
    const client = new HttpClient()
    try {
      await signIn(client, app.url, 'grace@example.com')
      const before = await client.json(`${app.url}/protected`)
      await app.kill()
      await app.start()
      expect(await client.json(`${app.url}/protected`)).toEqual(before)
    } finally {
      await app.stop()
    }
    for (const file of ['waxseal-keys', 'session-secret']) {
      expect((await stat(join(data, file))).mode & 0o777).toBe(0o600)
      expect(app.output).not.toContain((await readFile(join(data, file), 'utf8')).trim())
    }
  })

  test('ends cleanly at Ctrl-C, also while a status stream is open', async () => {
    const app = await appWith({})
    await app.start()
    const stream = await fetch(`${app.url}/mcp/status`, { headers: { accept: 'text/event-stream' } })
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    expect(await app.stop()).toBe(0)
    await stream.body?.cancel().catch(() => {})
  })
})
