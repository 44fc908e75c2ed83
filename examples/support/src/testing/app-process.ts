import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

/** Those that keep sessions in DynamoDB. */
export type DynamoDBAppName = 'express-dynamodb' | 'fastify-dynamodb'

export type AppName = DynamoDBAppName | 'fastify-vault'

export interface AppOptions {
  readonly name: AppName
  readonly port: number
  /** Beside PATH and the like; everything that an app reads and that is not named here counts as unset. */
  readonly env: Readonly<Record<string, string>>
  /** Whether the packages are taken from their source, not from `dist`. */
  readonly fromSource: boolean
}

const START_MILLISECONDS = 60_000
const READ_BY_APPS = [
  ...['AWS_REGION', 'AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
  ...['AWS_ENDPOINT_URL_DYNAMODB', 'AWS_ENDPOINT_URL_KMS', 'SESSIONS_TABLE', 'KMS_KEY_ARN', 'WAXSEAL_KEYS'],
  ...[
    'SESSION_SECRET',
    'ENCRYPTION_SECRET',
    'DATABASE_URL',
    'OIDC_ISSUER',
    'GOOGLE_CLIENT_ID',
    'GOOGLE_CLIENT_SECRET',
    'NODE_ENV',
    'LOG_LEVEL',
  ],
]

/** An example app in a process of its own, which can be killed and started again. */
export class AppProcess {
  readonly url: string
  readonly #options: AppOptions
  #child: ChildProcess | undefined
  #output = ''

  constructor(options: AppOptions) {
    this.#options = options
    this.url = `http://localhost:${options.port}`
  }

  /** All that it ever wrote to standard output and standard error, over restarts. */
  get output(): string {
    return this.#output
  }

  /** Resolves when it listens. @throws Error with its output when it ends before that. */
  async start(): Promise<void> {
    const { name, port, env, fromSource } = this.#options
    const unset = Object.fromEntries(READ_BY_APPS.map((variable) => [variable, '']))
    const args = [...(fromSource ? ['--conditions=waxseal-source'] : []), '--import=tsx', 'src/server.ts']
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL(`../../../${name}`, import.meta.url)),
      env: { ...process.env, ...unset, PORT: String(port), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that a kill reaches whatever it started.
      detached: true,
    })
    this.#child = child
    const from = this.#output.length
    let timer: NodeJS.Timeout | undefined
    const listening = new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${name} did not start in time`)), START_MILLISECONDS)
      const collect = (chunk: Buffer): void => {
        this.#output += chunk.toString()
        if (this.#output.includes('listens on', from)) resolve()
      }
      child.stdout.on('data', collect)
      child.stderr.on('data', collect)
      child.once('close', () => reject(new Error(`${name} ended before it listened:\n${this.#output.slice(from)}`)))
    })
    await listening.finally(() => clearTimeout(timer))
  }

  /** As when the machine loses power: nothing gets a chance to tidy up. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** As Ctrl-C. Resolves to the exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGINT')
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      return child?.exitCode ?? null
    }
    const closed = once(child, 'close')
    process.kill(-child.pid, signal)
    await closed
    return child.exitCode
  }
}

/**
 * A port that nobody listens on. Below the range that systems hand out by themselves: the app's own database, which
 * takes any port, must not get this one before the app does.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
}
