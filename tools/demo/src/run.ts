import type { AppName } from '@waxseal-examples/support/testing'
import { answers, unusedPort, withoutCloud } from './place.ts'

/**
 * Runs an example in this very process, so that whatever ends the demo, also a kill, ends all of it. It always runs on
 * the embedded database.
 */
export async function runApp(name: AppName): Promise<void> {
  const { env } = process
  Object.assign(env, withoutCloud(env))
  env.LOG_LEVEL ??= 'warn'
  env.PORT ??= String(await unusedPort())

  const url = `http://localhost:${env.PORT}`
  const ended = import(`${name}/server`)
  await Promise.race([ended, answers(url)])
  console.log(invitation(name, url))
  await ended
}

function invitation(name: AppName, url: string): string {
  return name === 'fastify-vault' ? vaultInvitation(url) : sessionInvitation(name, url)
}

function sessionInvitation(name: AppName, url: string): string {
  const command = name === 'express-dynamodb' ? 'npx -y pnpm@12 demo express' : 'npx -y pnpm@12 demo'
  return `
  1. Open ${url}, sign in as anybody, and see your session from both sides of the database.
  2. Leave the page open, stop this with Ctrl-C, start it again (${command}):
     the page finds it again by itself, and you are still signed in.
  3. Look for yourself in the database:
     grep -rac "you@example.com" examples/${name}/.data    counts 0 in every file.
`
}

function vaultInvitation(url: string): string {
  return `
  1. Open ${url}, sign in as anybody, and connect an account: the local provider takes any address.
     Its access token runs 3 minutes, and every refresh gives a new refresh token; spent twice, one ends the grant.
  2. Let 50 calls fail at once: all are refused with 401, the provider is asked once, all succeed.
  3. Stop this with Ctrl-C, start it again (npx -y pnpm@12 demo vault): still signed in, and the grant still renews.
     The tables are in examples/fastify-vault/.data/postgres, the keys beside them; no token stands there in the clear.
`
}
