/** The part of a test runner that contracts use; vitest, Jest, Mocha and `node:test` all have it. */
export interface TestRunner {
  describe(name: string, body: () => void): void
  it(name: string, body: () => Promise<void>): void
}
