import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AppName, AppProcess, findChromium, freePort } from '@waxseal-examples/support/testing'
import { browserWalk } from './browser-walk.ts'
import { httpWalks } from './http-walks.ts'
import { Report } from './report.ts'

/** Walks through every app on a free port with fresh data. Returns whether all went well. */
export async function checkApps(names: readonly AppName[]): Promise<boolean> {
  // The checks' own clients would say it on top of the table; the README says which versions of Node are supported.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  console.log(`${'     app'.padEnd(14)}check`)
  let passed = 0
  let failed = 0
  for (const name of names) {
    const report = new Report(name.replace('-dynamodb', ''))
    await checkApp(name, report)
    passed += report.passed
    failed += report.failed
  }
  if (findChromium() === undefined) {
    console.log('\nNot checked in a browser: there is none here. To have it checked: apt-get install -y chromium')
  }
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0
}

async function checkApp(name: AppName, report: Report): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'waxseal-demo-'))
  const env = { DATA_DIR: data, LOG_LEVEL: 'trace' }
  const app = new AppProcess({ name, port: await freePort(), env, fromSource: false })
  try {
    await httpWalks(app, data, report)
    if (report.failed === 0 && findChromium() !== undefined) await browserWalk(app, report)
  } finally {
    await app.stop()
    await rm(data, { recursive: true })
  }
}
