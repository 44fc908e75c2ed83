// `pnpm demo [express | fastify]` starts an example, `pnpm demo --check` walks through both of them by itself. Both
// run on the built packages, as an app that installs them would.
import type { AppName } from '@waxseal-examples/support/testing'
import { buildPackages } from './build.ts'
import { checkApps } from './check.ts'
import { runApp } from './run.ts'

const APPS: Readonly<Record<string, AppName>> = { fastify: 'fastify-dynamodb', express: 'express-dynamodb' }

const [argument = 'fastify', ...rest] = process.argv.slice(2)
const app = APPS[argument]
if (rest.length > 0 || (app === undefined && argument !== '--check')) {
  console.error('Usage: demo [fastify | express | --check]')
  process.exit(2)
}
await buildPackages()
if (app === undefined) process.exitCode = (await checkApps(Object.values(APPS))) ? 0 : 1
else await runApp(app)
