// Named so, because it is left out, and said to be, where there is no Python.
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const count = (folder: string) => readdirSync(join(root, 'vectors', folder)).length

it('a second implementation, in Python, opens, reproduces and refuses the same records', async () => {
  const { stdout } = await promisify(execFile)('python3', [join(root, 'tools/vectors/verify.py')])
  const [open, refuse] = [count('open'), count('refuse')]
  expect(stdout.trim()).toBe(`${open} records open and come out the same, ${refuse} are refused; 0 failures`)
})
