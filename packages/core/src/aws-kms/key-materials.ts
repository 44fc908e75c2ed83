/** One generation of a KMS key's material. */
export interface KeyMaterial {
  readonly id: string
  /** When it came into use; undefined for the first one, of which KMS does not say. */
  readonly rotatedAt: Date | undefined
}

/**
 * Whether the material of one KMS key is young enough. KMS says with every answer which material it used, and lists the
 * dates; no record and no holder of a data key can make that up. Material never changes its date, so the list is asked
 * for again only upon an id that is not on it.
 */
export class KeyMaterials {
  readonly #list: () => Promise<readonly KeyMaterial[]>
  readonly #minimum: number
  #rotatedAt: ReadonlyMap<string, number> = new Map()
  #listing: Promise<void> | undefined

  /** @param minimum the instant, in milliseconds since the epoch, from which on material is young enough */
  constructor(list: () => Promise<readonly KeyMaterial[]>, minimum: number) {
    this.#list = list
    this.#minimum = minimum
  }

  async isYoungEnough(id: string | undefined): Promise<boolean> {
    if (id === undefined) return false
    if (!this.#rotatedAt.has(id)) await this.#ask()
    return this.#reachesMinimum(this.#rotatedAt.get(id))
  }

  /** For `Encrypt`, which alone does not say what it used: the newest. */
  async isNewestYoungEnough(): Promise<boolean> {
    const isKnown = (): boolean => [...this.#rotatedAt.values()].some((date) => this.#reachesMinimum(date))
    if (!isKnown()) await this.#ask()
    return isKnown()
  }

  #reachesMinimum(rotatedAt: number | undefined): boolean {
    return rotatedAt !== undefined && rotatedAt >= this.#minimum
  }

  #ask(): Promise<void> {
    this.#listing ??= this.#askNow().finally(() => {
      this.#listing = undefined
    })
    return this.#listing
  }

  async #askNow(): Promise<void> {
    const materials = await this.#list()
    this.#rotatedAt = new Map(
      materials.map(({ id, rotatedAt }) => [id, rotatedAt?.getTime() ?? Number.NEGATIVE_INFINITY]),
    )
  }
}
