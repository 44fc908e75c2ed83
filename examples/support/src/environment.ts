import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateKey } from '@waxseal/core'
import { generateSecret, keptSecret } from './kept-secret.ts'
import { startLocalDatabase } from './local-database.ts'
import { createLogger } from './logger.ts'
import { startLocalProvider } from './provider/local-provider.ts'

const MIN_SECRET_LENGTH = 32
/** One of these says that there is a DynamoDB, on AWS or elsewhere. */
const DATABASE_VARIABLES = [
  'AWS_ENDPOINT_URL_DYNAMODB',
  'AWS_REGION',
  'AWS_PROFILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'SESSIONS_TABLE',
  'KMS_KEY_ARN',
]

/** The stand-ins that were started because nothing was configured in their place. */
export interface LocalServices {
  readonly database: boolean
  readonly provider: boolean
  close(): Promise<void>
}

/**
 * Reads the `.env` of the app, checks it, and fills in what is unset: an embedded DynamoDB, a key and a secret kept in
 * `.data`, an OpenID provider. It does so by environment variables alone, hence the app's own configuration reads like
 * production's. Ends the process with a list of what is wrong when the configuration cannot work.
 */
export async function prepareEnvironment(appFolder: URL): Promise<LocalServices> {
  const { env } = process
  const dotenv = fileURLToPath(new URL('.env', appFolder))
  if (existsSync(dotenv)) process.loadEnvFile(dotenv)
  // `NAME=` in .env means unset, and hides a variable of the shell.
  for (const [name, value] of Object.entries(env)) if (value === '') delete env[name]

  const problems = configurationProblems(env)
  if (problems.length > 0) cannotStart(problems)
  const started: { close(): Promise<void> }[] = []
  const data = env.DATA_DIR ?? fileURLToPath(new URL('.data', appFolder))
  const database = !DATABASE_VARIABLES.some((name) => name in env)
  const provider = env.OIDC_ISSUER === undefined
  try {
    if (env.KMS_KEY_ARN === undefined) env.WAXSEAL_KEYS ??= await keptSecret(join(data, 'waxseal-keys'), generateKey)
    env.SESSION_SECRET ??= await keptSecret(join(data, 'session-secret'), generateSecret)
    if (database) started.push(await useLocalDatabase(env, join(data, 'dynamodb')))
    if (provider) started.push(await useLocalProvider(env))
  } catch (error) {
    cannotStart([(error as Error).message])
  }
  return {
    database,
    provider,
    async close() {
      await Promise.all(started.map((service) => service.close()))
    },
  }
}

/** Everything that is wrong with the configuration, a sentence each; never a value, which may be a secret. */
export function configurationProblems(env: NodeJS.ProcessEnv): string[] {
  const problems: string[] = []
  if (env.SESSION_SECRET !== undefined && env.SESSION_SECRET.length < MIN_SECRET_LENGTH) {
    problems.push(`SESSION_SECRET has ${env.SESSION_SECRET.length} characters: it needs ${MIN_SECRET_LENGTH} or more`)
  }
  if (!isPort(portFrom(env))) problems.push('PORT is not a port number')
  if (env.OIDC_ISSUER !== undefined) {
    if (!URL.canParse(env.OIDC_ISSUER)) problems.push('OIDC_ISSUER is not a URL')
    for (const name of ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET']) {
      if (env[name] === undefined) problems.push(`${name} is not set, and OIDC_ISSUER needs it`)
    }
  }
  if (env.NODE_ENV === 'production') {
    const key = env.KMS_KEY_ARN === undefined ? ['WAXSEAL_KEYS'] : []
    for (const name of ['SESSION_SECRET', ...key, 'SESSIONS_TABLE', 'OIDC_ISSUER']) {
      if (env[name] === undefined) problems.push(`${name} is not set: in production nothing stands in for it`)
    }
  }
  return problems
}

async function useLocalDatabase(env: NodeJS.ProcessEnv, directory: string): Promise<{ close(): Promise<void> }> {
  const database = await startLocalDatabase(directory)
  env.AWS_ENDPOINT_URL_DYNAMODB = database.endpoint
  env.AWS_REGION = 'local'
  // The AWS SDK signs every request; the embedded database does not check the signature.
  env.AWS_ACCESS_KEY_ID = 'local'
  env.AWS_SECRET_ACCESS_KEY = 'local'
  env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  return database
}

async function useLocalProvider(env: NodeJS.ProcessEnv): Promise<{ close(): Promise<void> }> {
  const logger = createLogger()
  const provider = await startLocalProvider({
    redirectUris: ['localhost', '127.0.0.1'].map((host) => `http://${host}:${portFrom(env)}/auth/callback`),
    onError: (error) => logger.error({ error: error.message }, 'OpenID provider'),
  })
  env.OIDC_ISSUER = provider.issuer
  env.GOOGLE_CLIENT_ID = provider.clientId
  env.GOOGLE_CLIENT_SECRET = provider.clientSecret
  return provider
}

/** PORT, or 3000. */
export function portFrom(env: NodeJS.ProcessEnv): number {
  return Number(env.PORT ?? 3000)
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536
}

function cannotStart(problems: readonly string[]): never {
  console.error(`Cannot start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
  process.exit(1)
}
