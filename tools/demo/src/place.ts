import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const FIRST_PORT = 3000
const PORTS_TO_TRY = 20

/**
 * Takes AWS settings, and whatever else would lead out of this machine, from what an app is told: a demo must not write
 * into somebody's AWS account or database because their shell knows of it. An empty variable also hides one of `.env`.
 */
export function withoutCloud(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = ['AWS_REGION', 'AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_ENDPOINT_URL_DYNAMODB']
  const others = ['AWS_ENDPOINT_URL_KMS', 'SESSIONS_TABLE', 'KMS_KEY_ARN', 'DATABASE_URL', 'NODE_ENV']
  const inherited = Object.keys(env).filter((name) => name.startsWith('AWS_'))
  return { ...env, ...Object.fromEntries([...names, ...others, ...inherited].map((name) => [name, ''])) }
}

/** Where the demo runs unless PORT says so: the first port from 3000 on that is free. */
export async function unusedPort(): Promise<number> {
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS_TO_TRY; port++) if (await isUnused(port)) return port
  return FIRST_PORT
}

function isUnused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, 'localhost', () => server.close(() => resolve(true)))
  })
}

/** Resolves when something answers there. */
export async function answers(url: string): Promise<void> {
  for (;;) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answered) return
    await delay(100)
  }
}
