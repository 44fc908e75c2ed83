import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { startLeashed, unprivilegedUser } from './leashed-server.ts'

/** A running PgBouncer. */
export interface PgBouncerEngine {
  readonly name: 'pgbouncer'
  /** As that of the server behind it. */
  readonly url: string
  stop(): Promise<void>
}

/**
 * Starts PgBouncer in transaction mode before a PostgreSQL server, on a free port: what most hosted databases have. Needs
 * `pgbouncer` on the path.
 *
 * @param server connection string of a server that asks for no password
 * @param options.poolSize connections to the server that all clients share
 */
export async function startPgBouncer(server: string, options: { readonly poolSize: number }): Promise<PgBouncerEngine> {
  const { hostname, port: serverPort, username, pathname } = new URL(server)
  const user = await unprivilegedUser()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-pgbouncer-'))
  try {
    const port = await freePort()
    const file = join(folder, 'pgbouncer.ini')
    await writeFile(
      file,
      `[databases]
* = host=${hostname} port=${serverPort} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${options.poolSize}
max_client_conn = 1000
`,
    )
    if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid)
    // Which other signal ends it at once differs between its versions.
    const how = { ready: 'process up', signal: 'KILL' } as const
    const { stop } = await startLeashed(folder, user, ['pgbouncer', file], how)
    return { name: 'pgbouncer', url: `postgres://${username}@127.0.0.1:${port}${pathname}`, stop }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
