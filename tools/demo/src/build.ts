import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../../../packages/', import.meta.url))
const tsup = createRequire(import.meta.url).resolve('tsup/dist/cli-default.js')

/** Builds the JavaScript of every package. Types take ten times as long, and nothing that runs reads them. */
export async function buildPackages(): Promise<void> {
  const folders = readdirSync(packages)
    .map((name) => packages + name)
    .filter((folder) => existsSync(`${folder}/tsup.config.ts`))
  await Promise.all(folders.map(build))
}

function build(folder: string): Promise<void> {
  // Types that an earlier full build left behind stay: hence no clean.
  const child = spawn(process.execPath, [tsup, '--no-dts', '--no-clean', '--silent'], { cwd: folder })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${folder} does not build:\n${output}`))))
  })
}
