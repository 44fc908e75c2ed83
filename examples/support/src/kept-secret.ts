import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The secret in this file; at the first call it is generated and kept, readable by this user alone. */
export async function keptSecret(file: string, generate: () => string): Promise<string> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    // 'wx': of two processes that start at once, one writes and the other reads.
    await writeFile(file, `${generate()}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return (await readFile(file, 'utf8')).trim()
}

export function generateSecret(): string {
  return randomBytes(32).toString('base64url')
}
