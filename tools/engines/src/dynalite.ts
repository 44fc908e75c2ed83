import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { clientConfig, type Engine } from './engine.ts'

type Dynalite = (options: { createTableMs: number; deleteTableMs: number; updateTableMs: number }) => Server

/** Starts dynalite in this process, in memory, on a free port. */
export async function startDynalite(): Promise<Engine> {
  // A CommonJS package without types.
  const dynalite = createRequire(import.meta.url)('dynalite') as Dynalite
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    name: 'dynalite',
    endpoint,
    config: clientConfig(endpoint),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        // Clients keep their connections alive; close() alone would wait for them.
        server.closeAllConnections()
      }),
  }
}
