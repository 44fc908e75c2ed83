import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { FakeKms } from '@waxseal/testing/kms'
import { untilSignal } from '@waxseal-examples/support'
import type { AppName } from '@waxseal-examples/support/testing'
import { type KmsCloud, startKmsCloud } from './kms-cloud.ts'
import { answers, unusedPort, withoutCloud } from './place.ts'

const WATCH_MILLISECONDS = 200

/**
 * Runs an example under a KMS key, in a process of its own: KMS and database go on while it is killed and started.
 * Prints every call of KMS and takes commands, a letter each, from standard input.
 */
export async function runUnderKms(name: AppName): Promise<void> {
  // The README says which versions of Node are supported.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const port = process.env.PORT ?? String(await unusedPort())
  const url = `http://localhost:${port}`
  const cloud = await startKmsCloud()
  const logLevel = process.env.LOG_LEVEL ?? 'warn'
  const env = { ...withoutCloud(process.env), ...cloud.env, PORT: port, LOG_LEVEL: logLevel }
  let app = await startApp(name, env, url)
  const watch = setInterval(reporter(cloud.kms), WATCH_MILLISECONDS)
  console.log(invitation(url, cloud.kid))

  const restart = async (): Promise<void> => {
    await end(app, 'SIGKILL')
    app = await startApp(name, env, url)
  }
  const input = createInterface({ input: process.stdin })
  // One after the other: two restarts at once would fight for the port.
  let obeyed = Promise.resolve()
  input.on('line', (line) => {
    const answer = async (): Promise<string> => obey(line.trim(), cloud, restart)
    obeyed = obeyed.then(answer).then(
      (text) => console.log(`  ${text}`),
      (error) => console.log(`  ${error}`),
    )
  })
  await untilSignal()
  input.close()
  await obeyed
  clearInterval(watch)
  // Ctrl-C in a terminal has reached the app as well.
  await end(app, 'SIGTERM')
  console.log(`\n  KMS was asked ${cloud.kms.calls.length} times in all.`)
  await cloud.close()
}

async function startApp(name: AppName, env: NodeJS.ProcessEnv, url: string): Promise<ChildProcess> {
  const server = fileURLToPath(import.meta.resolve(`${name}/server`))
  const execArgv = ['--import=tsx', `--import=${import.meta.resolve('./end-with-parent.ts')}`]
  const app = fork(server, { execArgv, env })
  const ended = once(app, 'exit').then(([code]) => {
    throw new Error(`${name} ended with code ${code} before it listened`)
  })
  await Promise.race([answers(url), ended])
  return app
}

async function end(app: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (app.exitCode !== null || app.signalCode !== null) return
  const exit = once(app, 'exit')
  app.kill(signal)
  await exit
}

/** Prints what has been asked of KMS since it last did. */
function reporter({ calls }: FakeKms): () => void {
  let printed = 0
  return () => {
    for (; printed < calls.length; printed++) {
      const { operation = '', encryptionContext = {}, outcome } = calls[printed] ?? {}
      const context = Object.entries(encryptionContext).map(([key, value]) => `${key}=${value}`)
      console.log(`  KMS ${String(printed + 1).padEnd(3)} ${operation.padEnd(16)} ${context.join(' ')}  ${outcome}`)
    }
  }
}

const HELP = 'd disables the key, s silences KMS, e ends both, r kills the app and starts it; Enter after each.'

/** Does what the letter asks for, and says what that means. */
async function obey(letter: string, { kms, keyArn }: KmsCloud, restart: () => Promise<void>): Promise<string> {
  switch (letter) {
    case 'd':
      kms.setKeyState(keyArn, 'Disabled')
      return 'The key is disabled. The running app is refused within 5 minutes, one that starts now at once: r'
    case 's':
      kms.fail('silence')
      return 'KMS does not answer. The running app goes on for up to 15 minutes; one that starts now reads no session.'
    case 'e':
      kms.setKeyState(keyArn, 'Enabled')
      kms.recover()
      return 'The key is enabled, and KMS answers. Reload the page: you are still signed in.'
    case 'r':
      await restart()
      return 'Killed, and started again.'
    default:
      return HELP
  }
}

function invitation(url: string, kid: string): string {
  return `
  1. Open ${url} and sign in as anybody. Your session is sealed under
     ${kid}, a key of a KMS that runs in this demo.
     Every call of that KMS is printed here: click around, there will be hardly any.
  2. Type r and Enter: the app is killed and starts again. You are still signed in, for one more call.
  3. Type d and Enter, then r and Enter: the key is disabled, and nobody can read a session.
     Type e and Enter: all of them are back.

  ${HELP}
`
}
