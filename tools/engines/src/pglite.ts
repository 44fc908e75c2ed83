import { readFile, writeFile } from 'node:fs/promises'
import { PGlite } from '@electric-sql/pglite'

/** PostgreSQL compiled to WebAssembly, in the process that started it. */
export interface PgliteEngine {
  readonly name: 'pglite'
  readonly client: PGlite
  stop(): Promise<void>
}

/**
 * Starts PGlite in memory. Takes some five seconds of CPU time, nearly all of it for its initdb; from an image that
 * {@link savePgliteImage} saved, not one.
 *
 * @param image path of the image
 */
export async function startPglite(image?: string): Promise<PgliteEngine> {
  const client = await PGlite.create(image === undefined ? {} : { loadDataDir: new Blob([await readFile(image)]) })
  return { name: 'pglite', client, stop: () => client.close() }
}

/** Saves an empty database of PGlite, some 40 MB, to start others from. */
export async function savePgliteImage(path: string): Promise<void> {
  const { client, stop } = await startPglite()
  const image = await client.dumpDataDir('none')
  await writeFile(path, new Uint8Array(await image.arrayBuffer()))
  await stop()
}
