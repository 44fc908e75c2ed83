// `pnpm check [NAME ...]`: everything about the repository that is not a test, one line each. One list, so that a new
// rule is one line here and nobody has to remember a second command.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { resolve as absolute, delimiter, dirname } from 'node:path'
import { trackedFiles } from './checks/workspace.mjs'

const own = (name) => ({ name, command: [process.execPath, '--import', 'tsx', `tools/checks/${name}.mjs`] })

const checks = [
  // First, because it takes longest.
  own('packaging'),
  ...trackedFiles()
    .filter((path) => path.endsWith('/tsconfig.json'))
    .map((path) => ({ name: `types ${dirname(path)}`, command: ['tsc', '-p', path] })),
  { name: 'biome', command: ['biome', 'check', '--error-on-warnings', '--max-diagnostics=50', '.'] },
  { name: 'knip', command: ['knip'] },
  own('imports'),
  own('docs-code'),
  own('file-length'),
  own('markers'),
  own('secrets'),
  { name: 'vectors', command: [process.execPath, 'tools/vectors/append-only.mjs'] },
]

// The tools are the repository's own, also when this file is started without pnpm.
const PATH = `${absolute('node_modules/.bin')}${delimiter}${process.env.PATH}`

function run([program, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { ...process.env, PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    })
    let output = ''
    const collect = (chunk) => {
      output += chunk
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (status) => resolve({ ok: status === 0, output }))
  })
}

const wanted = process.argv.slice(2)
const queue = checks.filter(({ name }) => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix)))
if (queue.length === 0) throw new Error(`No such check. There are: ${checks.map(({ name }) => name).join(', ')}`)
let failed = 0

async function worker() {
  for (let check = queue.shift(); check; check = queue.shift()) {
    const begun = performance.now()
    const { ok, output } = await run(check.command)
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    console.log(`${ok ? 'ok  ' : 'fail'} ${check.name.padEnd(32)} ${seconds.padStart(6)} s`)
    if (!ok) {
      failed += 1
      console.log(output.trimEnd().replaceAll(/^/gm, '     '))
    }
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, worker))
console.log(failed === 0 ? 'All checks passed.' : `${failed} failed.`)
process.exitCode = failed === 0 ? 0 : 1
