import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const home = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'waxseal-migrations-'))
afterAll(() => rmSync(folder, { recursive: true }))

// A column that the vault gained and the migration lacks shows at the first grant only, in whoever copied the example.
test('the migrations make the tables of the schema as it is: else pnpm run generate', async () => {
  const out = join(folder, 'drizzle')
  cpSync(join(home, 'drizzle'), out, { recursive: true })
  const config = join(folder, 'config.json')
  writeFileSync(config, JSON.stringify({ dialect: 'postgresql', schema: './src/schema.ts', out: relative(home, out) }))
  const { stdout } = await promisify(execFile)('node_modules/.bin/drizzle-kit', ['generate', `--config=${config}`], {
    cwd: home,
    env: { ...process.env, NODE_OPTIONS: '--conditions=waxseal-source', NO_COLOR: '1' },
  })
  expect(stdout).toContain('No schema changes')
})
