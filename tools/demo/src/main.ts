// `pnpm demo [express | fastify]` starts an example, `pnpm demo --check` walks through both of them by itself. Both
// run on the built packages, as an app that installs them would.
import type { AppName } from '@waxseal-examples/support/testing'
import { buildPackages } from './build.ts'

const APPS: Readonly<Record<string, AppName>> = { fastify: 'fastify-dynamodb', express: 'express-dynamodb' }

const [argument = 'fastify', ...rest] = process.argv.slice(2)
const app = APPS[argument]
if (rest.length > 0 || (app === undefined && argument !== '--check')) {
  console.error('Usage: demo [fastify | express | --check]')
  process.exit(2)
}
await buildPackages()
// Imported only now: what follows runs on what was built.
if (app === undefined) {
  const { checkApps } = await import('./check.ts')
  process.exitCode = (await checkApps(Object.values(APPS))) ? 0 : 1
} else {
  const { runApp } = await import('./run.ts')
  await runApp(app)
}
