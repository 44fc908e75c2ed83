// `pnpm test [FILTER ...]`: runs every test that this machine can run and says plainly what it could not. Vitest alone
// would let a missing program, a skipped test or an emulator's gap pass in silence.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { missingPrograms } from './machine.mjs'

const missing = await missingPrograms()
const folder = mkdtempSync(join(tmpdir(), 'waxseal-test-'))
const report = join(folder, 'report.json')

const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)]
for (const { files } of missing) if (files) args.push('--exclude', files)
const vitest = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', ...args], { stdio: 'inherit' })
if (vitest.error) throw vitest.error

let results
try {
  results = JSON.parse(readFileSync(report, 'utf8'))
} catch {
  console.error('Vitest ended before it wrote its report.')
  process.exit(1)
} finally {
  rmSync(folder, { recursive: true })
}

const byFolder = new Map()
for (const file of results.testResults) {
  const name = relative(process.cwd(), file.name).split(/[\\/]/).slice(0, 2).join('/')
  const row = byFolder.get(name) ?? { tests: 0, seconds: 0 }
  row.tests += file.assertionResults.length
  row.seconds += Math.max(0, file.endTime - file.startTime) / 1000
  byFolder.set(name, row)
}
console.log('\nTests by folder, with the seconds their files took:')
for (const [name, { tests, seconds }] of [...byFolder].sort()) {
  console.log(`  ${name.padEnd(28)} ${String(tests).padStart(5)} ${seconds.toFixed(1).padStart(7)} s`)
}
console.log(`
Not shown by these tests, because no emulator has it: deletion by TTL, throttling, the lag of secondary indexes.
dynalite lacks besides: transactions, PartiQL, UpdateTimeToLive, the old item of a failed condition.
`)

const skipped = results.numPendingTests + results.numTodoTests
if (skipped > 0) console.error(`${skipped} skipped. A test runs or is deleted.`)
// A file that does not even load has no test to count, and failed all the same.
const broken = results.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((result) => result.status === 'failed'),
)
for (const file of broken) console.error(`${relative(process.cwd(), file.name)} did not run: ${file.message}`)
console.log(`${results.numPassedTests} passed, ${results.numFailedTests + broken.length} failed`)
if (missing.length === 0) console.log('This machine lacks nothing: all tests ran.')
else {
  const list = missing.map(({ name, untested, install }) => `${name} (${untested}): ${install}`)
  console.log(`Not tested, for want of ${list.join('; ')}`)
}
const incomplete = process.env.CI === 'true' && missing.length > 0
process.exitCode = vitest.status !== 0 || skipped > 0 || incomplete ? 1 : 0
