// dynalite ships no types.
/// <reference path="./dynalite.d.ts" />
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import dynalite from 'dynalite'
import { lockFolder } from './folder-lock.ts'

/** A DynamoDB on this machine, reachable from this machine alone. */
export interface LocalDatabase {
  readonly endpoint: string
  close(): Promise<void>
}

/**
 * Starts an embedded DynamoDB (dynalite) on a free port. With a `directory` its rows outlive the process, also one
 * that is killed; without one they are in memory.
 * @throws Error when another process has the directory open.
 */
export async function startLocalDatabase(directory?: string): Promise<LocalDatabase> {
  if (directory !== undefined) await assertFree(directory)
  const server = dynalite({ ...(directory === undefined ? {} : { path: directory }), createTableMs: 0 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async close() {
      const closed = promisify(server.close.bind(server))()
      // A request under way must end first: dynalite ends the process when it meets a closed database.
      const idle = setInterval(() => server.closeIdleConnections(), 20)
      await closed.finally(() => clearInterval(idle))
    },
  }
}

/** dynalite opens its files at the first request and ends the process when it cannot, so this asks before it. */
async function assertFree(directory: string): Promise<void> {
  const unlock = await lockFolder(directory)
  await unlock()
}
