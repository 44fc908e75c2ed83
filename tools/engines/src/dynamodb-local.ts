import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientConfig, type Engine } from './engine.ts'
import { freePort } from './free-port.ts'

const startTimeoutMilliseconds = 60_000

// Java lives as long as the pipe at descriptor 3 is open at our end. The kernel closes it however we end, also by
// SIGKILL, so no run leaves a Java process behind.
const script = 'java "$@" <&- 3<&- & java=$!; { read -r _ <&3; kill "$java"; } 2>/dev/null & wait "$java"'

/** Starts AWS's own DynamoDB Local, in memory, on a free port. Needs Java 17 and a POSIX shell. */
export async function startDynamoDBLocal(): Promise<Engine> {
  const manifest = createRequire(import.meta.url).resolve('amplify-dynamodb-simulator/package.json')
  const port = await freePort()
  const flags = ['-Djava.library.path=./DynamoDBLocal_lib', '-jar', 'DynamoDBLocal.jar']
  const options = ['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)]
  const child = spawn('sh', ['-c', script, 'sh', ...flags, ...options], {
    cwd: join(dirname(manifest), 'emulator'),
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr?.on('data', (chunk) => {
    stderr = (stderr + chunk).slice(-4000)
  })
  const leash = child.stdio[3] as Writable
  // Java may be gone before the pipe is ended.
  leash.on('error', () => {})
  const stop = async () => {
    const exited = child.exitCode === null ? once(child, 'exit') : undefined
    leash.end('\n')
    await exited
  }
  const endpoint = `http://127.0.0.1:${port}`
  const deadline = Date.now() + startTimeoutMilliseconds
  while (!(await answers(endpoint))) {
    if (child.exitCode !== null) throw new Error(`DynamoDB Local ended with code ${child.exitCode}: ${stderr}`)
    if (Date.now() > deadline) {
      await stop()
      throw new Error(`DynamoDB Local did not answer within ${startTimeoutMilliseconds} ms: ${stderr}`)
    }
    await sleep(100)
  }
  return { name: 'dynamodb-local', endpoint, config: clientConfig(endpoint), stop }
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    // Any HTTP status will do: a bare GET is answered with 400.
    await (await fetch(endpoint)).arrayBuffer()
    return true
  } catch {
    return false
  }
}
