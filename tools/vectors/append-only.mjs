// The frozen records of vectors/ may only grow: stored data is as old as the first release, so a vector that changes or
// goes would take with it the proof that old records still open. Compares every vector with the first commit that has it.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = process.argv[2] ?? fileURLToPath(new URL('../../', import.meta.url))
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 }).trim()
const vectors = ['vectors/open', 'vectors/refuse', 'vectors/version1']

// One line for each file that a commit added, oldest first: ":000000 100644 <zeros> <blob> A\t<path>".
const added = git(
  'log',
  '--reverse',
  '--no-renames',
  '--diff-filter=A',
  '--raw',
  '--no-abbrev',
  '--format=',
  '--',
  ...vectors,
)
const frozen = new Map()
for (const line of added.split('\n').filter(Boolean)) {
  const [meta, path] = line.split('\t')
  if (!frozen.has(path)) frozen.set(path, meta.split(' ')[3])
}

const problems = []
for (const [path, blob] of frozen) {
  if (!existsSync(`${root}/${path}`)) problems.push(`${path} is gone`)
  else if (git('hash-object', path) !== blob) problems.push(`${path} differs from the commit that added it`)
}
for (const problem of problems) console.error(problem)

const history =
  git('rev-parse', '--is-shallow-repository') === 'true'
    ? 'the part of the history that this shallow clone has'
    : 'all of the history'
console.log(`${frozen.size} vectors compared with ${history}: ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
