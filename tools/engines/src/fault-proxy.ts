import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * - `pass`: hands bytes through.
 * - `refuse`: open connections are reset, new ones are refused.
 * - `blackhole`: accepts, reads and stays silent, also on connections that are already open.
 * - `cut`: the request reaches the target, the connection ends in the middle of the answer's first packet.
 * - `delay`: every packet of an answer arrives `delayMilliseconds` late.
 */
export type FaultMode = 'pass' | 'refuse' | 'blackhole' | 'cut' | 'delay'

/** A TCP proxy that misbehaves on demand. */
export interface FaultProxy {
  /** `http://127.0.0.1:PORT`, the same over all modes. */
  readonly endpoint: string
  /** `delayMilliseconds` counts for the mode `delay` alone; default 100. */
  setMode(mode: FaultMode, delayMilliseconds?: number): Promise<void>
  stop(): Promise<void>
}

/** Starts a proxy in front of the engine at `target` (`http://host:port`), in mode `pass`. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port: targetPort } = new URL(target)
  const open = new Set<Socket>()
  let mode: FaultMode = 'pass'
  let delay = 100

  const server = createServer((client) => {
    const upstream = connect(Number(targetPort), hostname)
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', end)
      socket.on('close', () => {
        open.delete(socket)
        end()
      })
    }
    client.on('data', (chunk) => {
      if (mode !== 'blackhole') upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (mode === 'blackhole') return
      if (mode === 'delay') setTimeout(() => client.write(chunk), delay)
      else if (mode === 'cut') client.write(chunk.subarray(0, chunk.length >> 1), end)
      else client.write(chunk)
    })
  })

  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const refuse = async () => {
    if (!server.listening) return
    server.close()
    for (const socket of open) socket.destroy()
    await once(server, 'close')
  }

  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async setMode(next, delayMilliseconds = 100) {
      mode = next
      delay = delayMilliseconds
      if (mode === 'refuse') await refuse()
      else if (!server.listening) await listen(port)
    },
    stop: refuse,
  }
}
