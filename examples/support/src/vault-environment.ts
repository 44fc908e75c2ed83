import { join } from 'node:path'
import { generateSecret, keptSecret } from './kept-secret.ts'
import type { LocalProvider } from './provider/local-provider.ts'
import { useLocalProvider } from './provider/use-local-provider.ts'
import { cannotStart, commonProblems, missingInProduction, readSettings, secretProblems } from './settings.ts'

/** So short that one can watch them expire, and longer than the minute between two refreshes that a report asks for. */
const ACCESS_TOKEN_SECONDS = 180

/** What was started because nothing was configured in its place. */
export interface LocalVaultServices {
  /** The local OpenID provider, where OIDC_ISSUER names no other. */
  readonly provider: LocalProvider | undefined
  /** The folder that is the app's own. */
  readonly data: string
  close(): Promise<void>
}

/** As `prepareEnvironment`, for an app on Postgres whose key comes from ENCRYPTION_SECRET. */
export async function prepareVaultEnvironment(appFolder: URL): Promise<LocalVaultServices> {
  const { env } = process
  const data = readSettings(appFolder)
  const problems = vaultConfigurationProblems(env)
  if (problems.length > 0) cannotStart(problems)
  env.ENCRYPTION_SECRET ??= await keptSecret(join(data, 'encryption-secret'), generateSecret)
  env.SESSION_SECRET ??= await keptSecret(join(data, 'session-secret'), generateSecret)
  const options = { accessTokenSeconds: ACCESS_TOKEN_SECONDS, stateFile: join(data, 'provider.json') }
  const provider = env.OIDC_ISSUER === undefined ? await useLocalProvider(env, options) : undefined
  return {
    provider,
    data,
    async close() {
      await provider?.close()
    },
  }
}

/** Everything that is wrong with the configuration, a sentence each; never a value, which may be a secret. */
export function vaultConfigurationProblems(env: NodeJS.ProcessEnv): string[] {
  const required = ['SESSION_SECRET', 'ENCRYPTION_SECRET', 'DATABASE_URL', 'OIDC_ISSUER']
  const secret = secretProblems(env, 'ENCRYPTION_SECRET')
  return [...commonProblems(env), ...secret, ...missingInProduction(env, required)]
}
