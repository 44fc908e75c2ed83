import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { generateKey } from '../src/index.ts'

const RECORDS = 20_000
const program = fileURLToPath(new URL('support/print-salts.ts', import.meta.url))

/** The salts that a process of its own gives its records, all processes under the same root key. */
async function saltsOf(key: string): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, key, String(RECORDS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect(status).toBe(0)
  return output.trim().split('\n')
}

it('two processes under one key share no salt, and neither repeats one', async () => {
  const key = generateKey()
  const [a, b] = await Promise.all([saltsOf(key), saltsOf(key)])
  expect(a).toHaveLength(RECORDS)
  expect(b).toHaveLength(RECORDS)
  expect(new Set([...a, ...b]).size).toBe(2 * RECORDS)
})
