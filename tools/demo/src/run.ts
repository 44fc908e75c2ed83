import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { AppName } from '@waxseal-examples/support/testing'

const FIRST_PORT = 3000
const PORTS_TO_TRY = 20

/**
 * Runs an example in this very process, so that whatever ends the demo, also a kill, ends all of it. It always runs on
 * the embedded database: a demo must not write into somebody's AWS account because their shell is signed in there.
 */
export async function runApp(name: AppName): Promise<void> {
  const { env } = process
  for (const variable of Object.keys(env)) if (variable.startsWith('AWS_')) env[variable] = ''
  Object.assign(env, { AWS_REGION: '', AWS_PROFILE: '', AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })
  Object.assign(env, { AWS_ENDPOINT_URL_DYNAMODB: '', SESSIONS_TABLE: '', KMS_KEY_ARN: '', NODE_ENV: '' })
  env.LOG_LEVEL ??= 'warn'
  env.PORT ??= String(await unusedPort())

  const url = `http://localhost:${env.PORT}`
  const ended = import(`${name}/server`)
  await Promise.race([ended, answers(url)])
  console.log(invitation(name, url))
  await ended
}

async function unusedPort(): Promise<number> {
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

async function answers(url: string): Promise<void> {
  for (;;) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answered) return
    await delay(100)
  }
}

function invitation(name: AppName, url: string): string {
  const command = name === 'express-dynamodb' ? 'npx -y pnpm@12 demo express' : 'npx -y pnpm@12 demo'
  return `
  1. Open ${url}, sign in as anybody, and see your session from both sides of the database.
  2. Leave the page open, stop this with Ctrl-C, start it again (${command}):
     the page finds it again by itself, and you are still signed in.
  3. Look for yourself in the database:
     grep -rac "you@example.com" examples/${name}/.data    counts 0 in every file.
`
}
