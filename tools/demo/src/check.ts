import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AppName, AppProcess, findChromium, freePort } from '@waxseal-examples/support/testing'
import { browserWalk } from './browser-walk.ts'
import { connectWalk } from './connect-walk.ts'
import { httpWalks } from './http-walks.ts'
import { startKmsCloud } from './kms-cloud.ts'
import { kmsWalk } from './kms-walk.ts'
import { Report } from './report.ts'
import { vaultBrowserWalk } from './vault-browser-walk.ts'
import { vaultWalks } from './vault-walks.ts'

type Check = (name: AppName, report: Report) => Promise<void>

/**
 * Walks through every app on a free port with fresh data, under local keys and under AWS KMS, or under KMS alone.
 * Returns whether all went well.
 */
export async function checkApps(names: readonly AppName[], kmsAlone: boolean): Promise<boolean> {
  // The checks' own clients would say it on top of the table; the README says which versions of Node are supported.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  console.log(`${'     app'.padEnd(14)}check`)
  let passed = 0
  let failed = 0
  for (const name of names) {
    for (const checkApp of checksOf(name, kmsAlone)) {
      const report = new Report(name.replace(/-dynamodb|fastify-(?=vault)/, ''))
      await checkApp(name, report)
      passed += report.passed
      failed += report.failed
    }
  }
  if (findChromium() === undefined && !kmsAlone) {
    console.log('\nNot checked in a browser: there is none here. To have it checked: apt-get install -y chromium')
  }
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0
}

function checksOf(name: AppName, kmsAlone: boolean): readonly Check[] {
  if (name === 'fastify-vault') return kmsAlone ? [] : [checkVault]
  return kmsAlone ? [checkUnderKms] : [checkUnderLocalKeys, checkUnderKms]
}

async function checkVault(name: AppName, report: Report): Promise<void> {
  await withApp(name, {}, async (app, data) => {
    await vaultWalks(app, data, report)
    if (report.failed === 0 && findChromium() !== undefined) await vaultBrowserWalk(app, report)
  })
}

async function checkUnderLocalKeys(name: AppName, report: Report): Promise<void> {
  await withApp(name, {}, async (app, data) => {
    await httpWalks(app, data, report)
    if (report.failed === 0 && name === 'express-dynamodb') await connectWalk(app, data, report)
    if (report.failed === 0 && findChromium() !== undefined) await browserWalk(app, report)
  })
}

async function checkUnderKms(name: AppName, report: Report): Promise<void> {
  const cloud = await startKmsCloud()
  try {
    await withApp(name, cloud.env, (app) => kmsWalk(app, cloud, report))
  } finally {
    await cloud.close()
  }
}

async function withApp(
  name: AppName,
  env: Readonly<Record<string, string>>,
  walk: (app: AppProcess, data: string) => Promise<void>,
): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'waxseal-demo-'))
  const appEnv = { ...env, DATA_DIR: data, LOG_LEVEL: 'trace' }
  const app = new AppProcess({ name, port: await freePort(), env: appEnv, fromSource: false })
  try {
    await walk(app, data)
  } finally {
    await app.stop()
    await rm(data, { recursive: true })
  }
}
