import { join } from 'node:path'
import { generateKey } from '@waxseal/core'
import { generateSecret, keptSecret } from './kept-secret.ts'
import { startLocalDatabase } from './local-database.ts'
import { useLocalProvider } from './provider/use-local-provider.ts'
import { cannotStart, commonProblems, missingInProduction, readSettings } from './settings.ts'

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
  /** The folder that is the app's own. */
  readonly data: string
  close(): Promise<void>
}

/**
 * Reads the `.env` of the app, checks it, and fills in what is unset: an embedded DynamoDB, a key and a secret kept in
 * `.data`, an OpenID provider. It does so by environment variables alone, hence the app's own configuration reads like
 * production's. Ends the process with a list of what is wrong when the configuration cannot work.
 *
 * @param alsoRequired in production, beside what every app needs there
 */
export async function prepareEnvironment(appFolder: URL, alsoRequired: readonly string[] = []): Promise<LocalServices> {
  const { env } = process
  const data = readSettings(appFolder)
  const problems = [...configurationProblems(env), ...missingInProduction(env, alsoRequired)]
  if (problems.length > 0) cannotStart(problems)
  const started: { close(): Promise<void> }[] = []
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
    data,
    async close() {
      await Promise.all(started.map((service) => service.close()))
    },
  }
}

/** Everything that is wrong with the configuration, a sentence each; never a value, which may be a secret. */
export function configurationProblems(env: NodeJS.ProcessEnv): string[] {
  const key = env.KMS_KEY_ARN === undefined ? ['WAXSEAL_KEYS'] : []
  const required = ['SESSION_SECRET', ...key, 'SESSIONS_TABLE', 'OIDC_ISSUER']
  return [...commonProblems(env), ...missingInProduction(env, required)]
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
