/**
 * Runs the writes of one session one after another, in the order in which they were asked for, within this process.
 * Two saves that nobody awaited keep their order, and a destroy is not overtaken by the save before it.
 */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  isBusy(key: string): boolean {
    return this.#tails.has(key)
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
}
