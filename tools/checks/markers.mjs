// No reminder comments and no tests that are switched off: what is left to do belongs in an issue, where it is seen.
import { readFileSync } from 'node:fs'
import { finish, trackedFiles } from './workspace.mjs'

// Put together here, so that this file does not find itself.
const reminder = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)
const disabled = /\b(describe|test|it)\.(skip|only|todo|fails|skipIf|runIf)\b/

finish(
  trackedFiles()
    .filter((path) => /\.(ts|tsx|mts|cts|js|mjs|cjs|css|html|sh|py|md|ya?ml|json)$/.test(path))
    .filter((path) => path !== 'pnpm-lock.yaml')
    .flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .flatMap((line, index) => {
          if (reminder.test(line)) return [`${path}:${index + 1}: a reminder: ${line.trim()}`]
          const off = /\.test\.ts$/.test(path) && disabled.test(line)
          return off ? [`${path}:${index + 1}: a test switched off: ${line.trim()}`] : []
        }),
    ),
)
