// No credential in the repository: once pushed it is public for ever. Patterns are those of the credentials that this
// project's users and examples handle; vectors hold keys on purpose and say so.
import { readFileSync } from 'node:fs'
import { finish, trackedFiles } from './workspace.mjs'

const patterns = {
  'AWS access key id': /\b(AKIA|ASIA)[0-9A-Z]{16}\b/,
  'AWS secret key': /aws_?secret_?(access_?)?key["']?\s*[:=]\s*["']?[A-Za-z0-9/+]{40}\b/i,
  'Google client secret': /\bGOCSPX-[\w-]{20,}/,
  'Google API key': /\bAIza[\w-]{35}\b/,
  'Google token': /\b(ya29\.[\w-]{20,}|1\/\/0[\w-]{30,})/,
  'GitHub token': /\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40,})/,
  'npm token': /\bnpm_[A-Za-z0-9]{36}\b/,
  'Slack token': /\bxox[abprs]-[\w-]{10,}/,
  'private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  'Waxseal root key': /\bWAXSEAL_KEYS\s*=\s*["']?[\w-]+:[\w-]{43}\b/,
}

finish(
  trackedFiles().flatMap((path) => {
    if (/(^|\/)\.env(\.|$)/.test(path) && !path.endsWith('.env.example')) return [`${path}: an environment file`]
    const text = readFileSync(path, 'latin1')
    return Object.entries(patterns).flatMap(([name, pattern]) => (pattern.test(text) ? [`${path}: ${name}`] : []))
  }),
)
