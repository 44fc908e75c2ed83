// The code in the READMEs and guides compiles, and what is marked as runnable runs: readers paste it before they read.
// A block ```ts stands alone as a module; ```ts continued goes on with the block above; ```ts run is run besides.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finish, trackedFiles } from './workspace.mjs'

// Inside docs/, whose package.json lists what the code may import; ignored by git.
const folder = join('docs', '.code')
const pages = trackedFiles().filter((path) => /^(README\.md|packages\/[^/]+\/README\.md|docs\/.*\.md)$/.test(path))

/** The blocks of one page: where each begins, its code, whether it is to be run. */
function blocks(page) {
  const found = []
  const fence = /^```ts(?: (.+))?\n([\s\S]*?)^```$/gm
  const text = readFileSync(page, 'utf8')
  for (const { 1: word, 2: code, index } of text.matchAll(fence)) {
    const line = text.slice(0, index).split('\n').length
    if (word === 'continued') found.at(-1).code += code
    else found.push({ name: `${page.replaceAll(/[^\w]/g, '-')}-${line}.ts`, code, runs: word === 'run' })
  }
  return found
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const found = pages.flatMap(blocks)
// `export {}` makes a module of a block without imports, so that its names stay its own.
for (const { name, code } of found) writeFileSync(join(folder, name), `${code}\nexport {}\n`)
writeFileSync(
  join(folder, 'tsconfig.json'),
  JSON.stringify({
    extends: '../../tsconfig.base.json',
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    include: ['*.ts'],
  }),
)

const problems = []
function demand(what, command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 })
  if (status !== 0) problems.push(`${what}\n${stdout}${stderr}`)
}
if (found.length > 0) demand('The code of the docs does not compile:', 'tsc', ['-p', folder])
for (const { name } of found.filter(({ runs }) => runs)) {
  const args = ['--conditions=waxseal-source', '--import', 'tsx', join(folder, name)]
  demand(`${name} does not run:`, process.execPath, args)
}
finish(problems)
