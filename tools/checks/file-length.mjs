// No source file over 350 lines: a file that long has more than one concern, and nobody splits it later.
import { readFileSync } from 'node:fs'
import { finish, trackedFiles } from './workspace.mjs'

const limit = 350
const ownCheckLimit = 100

finish(
  trackedFiles()
    .filter((path) => /\.(ts|tsx|mts|cts|js|mjs|cjs|css|html|sh|py)$/.test(path))
    .flatMap((path) => {
      const lines = readFileSync(path, 'utf8').split('\n').length - 1
      const most = /^tools\/(checks\/)?[^/]+\.mjs$/.test(path) ? ownCheckLimit : limit
      return lines > most ? [`${path}: ${lines} lines, at most ${most}`] : []
    }),
)
