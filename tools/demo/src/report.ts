const TITLE_WIDTH = 78

/** Prints one line for each check as it ends, and counts. */
export class Report {
  passed = 0
  failed = 0
  readonly #app: string

  constructor(app: string) {
    this.#app = app
  }

  /** Runs one check; what it returns, if anything, is printed as the evidence. */
  async check(title: string, run: () => Promise<string | undefined> | string | undefined): Promise<void> {
    try {
      const evidence = await run()
      this.passed += 1
      this.#line('ok', title, evidence)
    } catch (error) {
      this.failed += 1
      this.#line('FAIL', title, (error as Error).message.split('\n', 1)[0])
    }
  }

  #line(result: string, title: string, remark = ''): void {
    console.log(`${result.padEnd(5)}${this.#app.padEnd(9)}${title.padEnd(TITLE_WIDTH)}${remark}`.trimEnd())
  }
}
