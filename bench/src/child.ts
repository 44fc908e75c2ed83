import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * Runs a module in a process of its own and returns the message it sends. Single processes scatter by some 30 %
 * (memory layout, when the optimiser strikes), so figures come from the median over several.
 */
export async function measureInProcess<Result>(module: URL, args: readonly string[]): Promise<Result> {
  const child = fork(fileURLToPath(module), args)
  const message = once(child, 'message')
  const exit = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`${module.pathname} ended with code ${code}`)
  })
  const [[result]] = await Promise.all([message, exit])
  return result as Result
}

/** Sends the result to the parent and ends this process, whatever connections are still open. */
export function report(result: object): void {
  process.send?.(result, () => process.exit(0))
}
