import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'

const run = promisify(execFile)

// The server lives as long as the pipe at descriptor 3 is open at our end, and so does its folder. The kernel closes it
// however we end, also by SIGKILL.
const script = (signal: string) =>
  `"$@" <&- 3<&- & server=$!; { read -r _ <&3; kill -${signal} "$server"; } 2>/dev/null & wait "$server"; rm -rf "$0"`

/** Whom a server runs as; `{}`: as ourselves. */
export interface ServerUser {
  readonly uid?: number
  readonly gid?: number
}

/** A server that was started, and says that it is ready. */
export interface LeashedServer {
  /** Ends it without ceremony, as a crash would, and removes its folder. */
  stop(): Promise<void>
}

/** Some servers refuse to run as root. `nobody` is there everywhere, so that no user need be made. */
export async function unprivilegedUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'nobody'])))
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) }
}

/**
 * Starts a server that lives no longer than this process. Needs a POSIX shell.
 *
 * @param folder its working directory, removed after it
 * @param how.ready what it prints to stderr once it takes connections
 * @param how.signal what ends it at once
 */
export async function startLeashed(
  folder: string,
  user: ServerUser,
  command: readonly string[],
  how: { readonly ready: string; readonly signal: 'QUIT' | 'KILL' },
): Promise<LeashedServer> {
  const child = spawn('sh', ['-c', script(how.signal), folder, ...command], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const leash = child.stdio[3] as Writable
  // The server may be gone before the pipe is ended.
  leash.on('error', () => {})
  const exited = once(child, 'exit')
  await untilPrinted(how.ready, child.stderr as Readable)
  return {
    async stop() {
      leash.end('\n')
      await exited
    },
  }
}

/** Reads the log to the end, also when nobody waits any more: a full pipe would stop the server. */
function untilPrinted(ready: string, log: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    log.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-4000)
      if (text.includes(ready)) resolve()
    })
    log.on('end', () => reject(new Error(`The server ended: ${text}`)))
  })
}
