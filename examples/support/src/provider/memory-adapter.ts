import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Row {
  readonly payload: AdapterPayload
  readonly expiresAt: number
}

type Rows = Map<string, Row>

/**
 * What the provider remembers: for as long as the process lives, or with a `file` for longer, also when the process is
 * killed. The app's session does not depend on it, its grants do: a provider that has forgotten them renews none.
 */
export function memoryAdapter(file?: string): (model: string) => Adapter {
  const models = file === undefined ? new Map<string, Rows>() : readModels(file)
  const keep = (): void => {
    if (file !== undefined) writeModels(file, models)
  }
  return (model) => {
    const rows: Rows = models.get(model) ?? new Map()
    models.set(model, rows)
    return new MemoryAdapter(rows, keep)
  }
}

function readModels(file: string): Map<string, Rows> {
  if (!existsSync(file)) return new Map()
  const models = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, Row>>
  return new Map(Object.entries(models).map(([model, rows]) => [model, new Map(Object.entries(rows))]))
}

function writeModels(file: string, models: ReadonlyMap<string, Rows>): void {
  const now = Date.now()
  const running = (rows: Rows): [string, Row][] => [...rows].filter(([, { expiresAt }]) => expiresAt > now)
  const everything = [...models].map(([model, rows]) => [model, Object.fromEntries(running(rows))])
  // At once and whole: what the provider has answered must be in there when it is killed a moment later.
  writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(everything)), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

class MemoryAdapter implements Adapter {
  readonly #rows: Rows
  readonly #keep: () => void

  constructor(rows: Rows, keep: () => void) {
    this.#rows = rows
    this.#keep = keep
  }

  async upsert(id: string, payload: AdapterPayload, expiresInSeconds: number): Promise<void> {
    this.#rows.set(id, { payload, expiresAt: Date.now() + expiresInSeconds * 1000 })
    this.#keep()
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const row = this.#rows.get(id)
    if (row !== undefined && row.expiresAt <= Date.now()) this.#rows.delete(id)
    return this.#rows.get(id)?.payload
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#findBy('uid', uid)
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#findBy('userCode', userCode)
  }

  async consume(id: string): Promise<void> {
    const row = this.#rows.get(id)
    if (row !== undefined) row.payload.consumed = Math.floor(Date.now() / 1000)
    this.#keep()
  }

  async destroy(id: string): Promise<void> {
    this.#rows.delete(id)
    this.#keep()
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [id, { payload }] of this.#rows) {
      if (payload.grantId === grantId) this.#rows.delete(id)
    }
    this.#keep()
  }

  async #findBy(field: 'uid' | 'userCode', value: string): Promise<AdapterPayload | undefined> {
    for (const [id, { payload }] of this.#rows) {
      if (payload[field] === value) return this.find(id)
    }
    return undefined
  }
}
