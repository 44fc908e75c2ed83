import { mkdir } from 'node:fs/promises'
import { Level } from 'level'

/**
 * Takes a folder for this process alone, until the returned function is called or the process ends, however it does. Node
 * cannot lock files; LevelDB can.
 *
 * @throws Error when another process has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const level = new Level(folder)
  try {
    await level.open()
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    if (cause?.code !== 'LEVEL_LOCKED') throw error
    throw new Error(`The database in ${folder} is in use: is this example running already?`)
  }
  return () => level.close()
}
