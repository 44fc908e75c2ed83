import type { Adapter, AdapterPayload } from 'oidc-provider'

type Rows = Map<string, { payload: AdapterPayload; expiresAt: number }>

/** What the provider remembers, for as long as the process lives: the app's session does not depend on it. */
export function memoryAdapter(): (model: string) => Adapter {
  const models = new Map<string, Rows>()
  return (model) => {
    const rows: Rows = models.get(model) ?? new Map()
    models.set(model, rows)
    return new MemoryAdapter(rows)
  }
}

class MemoryAdapter implements Adapter {
  readonly #rows: Rows

  constructor(rows: Rows) {
    this.#rows = rows
  }

  async upsert(id: string, payload: AdapterPayload, expiresInSeconds: number): Promise<void> {
    this.#rows.set(id, { payload, expiresAt: Date.now() + expiresInSeconds * 1000 })
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
  }

  async destroy(id: string): Promise<void> {
    this.#rows.delete(id)
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [id, { payload }] of this.#rows) {
      if (payload.grantId === grantId) this.#rows.delete(id)
    }
  }

  async #findBy(field: 'uid' | 'userCode', value: string): Promise<AdapterPayload | undefined> {
    for (const [id, { payload }] of this.#rows) {
      if (payload[field] === value) return this.find(id)
    }
    return undefined
  }
}
