// `pnpm demo [express | fastify | vault]` starts an example; with `--kms` it does so under a KMS key. `pnpm demo --check`
// walks through all of them by itself. They run on the built packages, as in an app that installs them.
import { parseArgs } from 'node:util'
import type { AppName } from '@waxseal-examples/support/testing'
import { buildPackages } from './build.ts'

const APPS: Readonly<Record<string, AppName>> = {
  fastify: 'fastify-dynamodb',
  express: 'express-dynamodb',
  vault: 'fastify-vault',
}

interface Arguments {
  /** Those named, else all. */
  readonly apps: readonly AppName[]
  readonly check: boolean
  readonly kms: boolean
}

function readArguments(): Arguments | undefined {
  try {
    const options = { check: { type: 'boolean', default: false }, kms: { type: 'boolean', default: false } } as const
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const named = positionals.map((name) => APPS[name])
    const apps = named.filter((name) => name !== undefined)
    if (apps.length < named.length || named.length > 1) return undefined
    // The key of the vault's example comes from a secret.
    if (values.kms && apps[0] === 'fastify-vault') return undefined
    return { apps: apps.length > 0 ? apps : Object.values(APPS), ...values }
  } catch {
    return undefined
  }
}

const wanted = readArguments()
const [app] = wanted?.apps ?? []
if (wanted === undefined || app === undefined) {
  console.error('Usage: demo [fastify | express] [--kms] [--check], demo vault [--check]')
  process.exit(2)
}
await buildPackages()
// Imported only now: what follows runs on what was built.
if (wanted.check) {
  const { checkApps } = await import('./check.ts')
  process.exitCode = (await checkApps(wanted.apps, wanted.kms)) ? 0 : 1
} else if (wanted.kms) {
  const { runUnderKms } = await import('./run-under-kms.ts')
  await runUnderKms(app)
} else {
  const { runApp } = await import('./run.ts')
  await runApp(app)
}
