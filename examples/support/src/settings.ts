import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const MIN_SECRET_LENGTH = 32

/**
 * Reads the `.env` of the app into `process.env`, and returns the folder in which it keeps what it makes for itself: DATA_DIR,
 * or `.data` in the app's folder.
 */
export function readSettings(appFolder: URL): string {
  const { env } = process
  const dotenv = fileURLToPath(new URL('.env', appFolder))
  if (existsSync(dotenv)) process.loadEnvFile(dotenv)
  // `NAME=` in .env means unset, and hides a variable of the shell.
  for (const [name, value] of Object.entries(env)) if (value === '') delete env[name]
  return env.DATA_DIR ?? fileURLToPath(new URL('.data', appFolder))
}

/** What is wrong with the settings of every app, a sentence each; never a value, which may be a secret. */
export function commonProblems(env: NodeJS.ProcessEnv): string[] {
  const problems = secretProblems(env, 'SESSION_SECRET')
  if (!isPort(portFrom(env))) problems.push('PORT is not a port number')
  if (env.OIDC_ISSUER !== undefined) {
    if (!URL.canParse(env.OIDC_ISSUER)) problems.push('OIDC_ISSUER is not a URL')
    for (const name of ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET']) {
      if (env[name] === undefined) problems.push(`${name} is not set, and OIDC_ISSUER needs it`)
    }
  }
  return problems
}

/** What is wrong with the secret of this name where there is one. */
export function secretProblems(env: NodeJS.ProcessEnv, name: string): string[] {
  const length = env[name]?.length ?? MIN_SECRET_LENGTH
  return length < MIN_SECRET_LENGTH ? [`${name} has ${length} characters: it needs ${MIN_SECRET_LENGTH} or more`] : []
}

/** Those of the names that are unset in production, a sentence each. */
export function missingInProduction(env: NodeJS.ProcessEnv, names: readonly string[]): string[] {
  if (env.NODE_ENV !== 'production') return []
  const missing = names.filter((name) => env[name] === undefined)
  return missing.map((name) => `${name} is not set: in production nothing stands in for it`)
}

/** PORT, or 3000. */
export function portFrom(env: NodeJS.ProcessEnv): number {
  return Number(env.PORT ?? 3000)
}

/** Ends the process, saying why. */
export function cannotStart(problems: readonly string[]): never {
  console.error(`Cannot start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
  process.exit(1)
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536
}
