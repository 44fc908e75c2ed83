// What the checks look at: the workspace's packages and the files under version control. Read from git, so that no
// check trips over build output or takes a scratch file for a source.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** Paths from the root of every file that git tracks or would track. */
export function trackedFiles() {
  const options = { encoding: 'utf8', maxBuffer: 64 << 20 }
  const output = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], options)
  return output.split('\0').filter((path) => path !== '' && existsSync(path))
}

/** The workspace's packages: folder and parsed package.json. */
export function workspacePackages() {
  return trackedFiles()
    .filter((path) => path.endsWith('/package.json') && path.split('/').length <= 3)
    .map((path) => ({
      folder: path.slice(0, -'/package.json'.length),
      manifest: JSON.parse(readFileSync(path, 'utf8')),
    }))
}

/** The packages that are published. */
export const publishedPackages = () => workspacePackages().filter(({ manifest }) => !manifest.private)

/** Prints what is wrong and ends the process accordingly. */
export function finish(problems) {
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
