import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig } from '@waxseal/engines'
import { DynamoDBSessionTable } from '../../src/index.ts'

/** A process with one operation under way, which makes its calls of the database one at a time, when it is told to. */
export class SteppedProcess<T> {
  readonly outcome: Promise<T | 'ended'>
  /** The commands that it has sent, `+` between those that it sent side by side. */
  readonly sent: string[] = []
  readonly #client: DynamoDBClient
  readonly #waiting: { readonly command: string; readonly go: () => void; readonly end: () => void }[] = []
  #isDead = false
  #isSettled = false
  #notify = () => {}

  constructor(endpoint: string, tableName: string, operation: (table: DynamoDBSessionTable) => Promise<T>) {
    this.#client = new DynamoDBClient(clientConfig(endpoint))
    const wait = (command: string) =>
      new Promise<void>((resolve, reject) => {
        const end = () => reject(new Error('the process has ended'))
        if (this.#isDead) return end()
        this.#waiting.push({ command: command.replace('Command', ''), go: resolve, end })
        this.#notify()
      })
    this.#client.middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          await wait(commandName)
          return next(args)
        },
      { step: 'initialize' },
    )
    const settle = () => {
      this.#isSettled = true
      this.#client.destroy()
      this.#notify()
    }
    this.outcome = operation(new DynamoDBSessionTable(this.#client, tableName, 'sessionId')).catch((error) => {
      if (this.#isDead) return 'ended'
      throw error
    })
    this.outcome.then(settle, settle)
  }

  /** Makes the next call, or those next to each other, and waits until the one after it is to be made. */
  async step(): Promise<void> {
    await this.#quiet()
    const calls = this.#waiting.splice(0)
    if (calls.length > 0) this.sent.push(calls.map(({ command }) => command).join('+'))
    for (const { go } of calls) go()
    await this.#quiet()
  }

  /** Makes all calls that are left. */
  async run(): Promise<T | 'ended'> {
    while (!this.#isSettled) await this.step()
    return this.outcome
  }

  /** Ends before the next call. */
  async end(): Promise<void> {
    await this.#quiet()
    this.#isDead = true
    for (const { end } of this.#waiting.splice(0)) end()
    await this.outcome.catch(() => {})
  }

  async #quiet(): Promise<void> {
    while (this.#waiting.length === 0 && !this.#isSettled) {
      await new Promise<void>((resolve) => {
        this.#notify = resolve
      })
    }
  }
}

/** Every order of `a` steps of one process and `b` of another; `true` where it is the first one's turn. */
export function interleavings(a: number, b: number): boolean[][] {
  if (a === 0) return [Array(b).fill(false)]
  if (b === 0) return [Array(a).fill(true)]
  return [
    ...interleavings(a - 1, b).map((rest) => [true, ...rest]),
    ...interleavings(a, b - 1).map((rest) => [false, ...rest]),
  ]
}
