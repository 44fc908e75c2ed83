import { createLogger } from '../logger.ts'
import { portFrom } from '../settings.ts'
import { type LocalProvider, type LocalProviderOptions, startLocalProvider } from './local-provider.ts'

/** Starts the local provider for the app on PORT, and says so in the variables that name another provider. */
export async function useLocalProvider(
  env: NodeJS.ProcessEnv,
  options: Pick<LocalProviderOptions, 'accessTokenSeconds' | 'stateFile'> = {},
): Promise<LocalProvider> {
  const logger = createLogger()
  const origins = ['localhost', '127.0.0.1'].map((host) => `http://${host}:${portFrom(env)}`)
  const provider = await startLocalProvider({
    ...options,
    redirectUris: origins.flatMap((origin) => [`${origin}/auth/callback`, `${origin}/connect/callback`]),
    onError: (error) => logger.error({ error: error.message }, 'OpenID provider'),
  })
  env.OIDC_ISSUER = provider.issuer
  env.GOOGLE_CLIENT_ID = provider.clientId
  env.GOOGLE_CLIENT_SECRET = provider.clientSecret
  return provider
}
