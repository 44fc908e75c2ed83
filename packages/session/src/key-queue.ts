/**
 * Runs the writes of one session one after another, in the order in which they were asked for, within this process.
 * Two saves that nobody awaited keep their order, and a destroy is not overtaken by the save before it.
 */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  readonly #background = new WeakSet<Promise<unknown>>()

  /** Whether a write is under way or waiting; work in the background is none, as it changes no content. */
  isBusy(key: string): boolean {
    const tail = this.#tails.get(key)
    return tail !== undefined && !this.#background.has(tail)
  }

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const tail = this.#tails.get(key)
    const result = tail === undefined ? task() : tail.then(task, task)
    this.#tails.set(key, result)
    const release = () => {
      if (this.#tails.get(key) === result) this.#tails.delete(key)
    }
    result.then(release, release)
    return result
  }

  /** Later writes wait for the task; where anything is under way, there is no room for it. */
  async runIfIdle(key: string, task: () => Promise<void>): Promise<void> {
    if (this.#tails.has(key)) return
    const result = this.run(key, task)
    this.#background.add(result)
    await result
  }
}
