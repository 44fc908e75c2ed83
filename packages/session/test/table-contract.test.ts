/** Tests of the contract itself (here, because the kit may import no package of ours): tables that are broken in one way each must fail it, and at the case meant for them. */
import { sessionTableContract } from '@waxseal/testing'
import { describe, expect, it } from 'vitest'
import { MemoryTable, type RowChoice, type RowVersion, type SessionRow, type SessionTable } from '../src/index.ts'

/** Runs the contract against a table and gives the names of the cases that fail. */
async function failuresOf(create: () => SessionTable): Promise<string[]> {
  const cases: { name: string; body: () => Promise<void> }[] = []
  sessionTableContract({ describe: (_, body) => body(), it: (name, body) => cases.push({ name, body }) }, create)
  const failures: string[] = []
  for (const { name, body } of cases) await body().catch(() => failures.push(name))
  return failures
}

class Broken extends MemoryTable {
  protected force(row: SessionRow): Promise<{ written: boolean }> {
    return super.delete(row.key).then(() => super.insert(row, 0))
  }
}

/** Finds the rows of a user by the tag that each row had first. */
class StaleIndex extends Broken {
  readonly #firstTags = new Map<string, string | undefined>()

  override insert(row: SessionRow, now: number) {
    this.#firstTags.set(row.key, row.userTag)
    return super.insert(row, now)
  }
  override async listUser(userTag: string) {
    const { rows } = await this.list()
    return { rows: rows.filter(({ key }) => this.#firstTags.get(key) === userTag) }
  }
  override async deleteUser(userTag: string, _which: RowChoice, now: number) {
    const { rows } = await this.listUser(userTag)
    await this.deleteMany(rows.map(({ key }) => key))
    return rows.filter(({ expiresAt }) => expiresAt > now).length
  }
}

const broken: Record<string, { table: () => SessionTable; fails: string }> = {
  'a touch that creates the row of a destroyed session': {
    table: () =>
      new (class extends Broken {
        override async extend(key: string, expiresAt: number, over: RowVersion, now: number) {
          if ((await this.get(key)) !== undefined) return super.extend(key, expiresAt, over, now)
          return (await this.force({ key, expiresAt, record: new Uint8Array(), revision: 1, kid: '' })).written
        }
      })(),
    fails: 'does not create a row by extending it',
  },
  'a touch that moves the expiry back': {
    table: () =>
      new (class extends Broken {
        override async extend(key: string, expiresAt: number, _over: RowVersion, now: number) {
          const row = await this.get(key)
          if (row === undefined || row.expiresAt <= now) return false
          return (await this.force({ ...row, expiresAt })).written
        }
      })(),
    fails: 'extends forward only',
  },
  'a touch that revives an expired row': {
    table: () =>
      new (class extends Broken {
        override async extend(key: string, expiresAt: number, over: RowVersion) {
          return super.extend(key, expiresAt, over, 0)
        }
      })(),
    fails: 'does not extend an expired row',
  },
  'an unconditional insert': {
    table: () =>
      new (class extends Broken {
        override insert(row: SessionRow) {
          return this.force(row)
        }
      })(),
    fails: 'does not insert over a live row, and names it',
  },
  'an insert that an expired row blocks': {
    table: () =>
      new (class extends Broken {
        override insert(row: SessionRow) {
          return super.insert(row, 0)
        }
      })(),
    fails: 'inserts over an expired row',
  },
  'an update that ignores the revision: a lost update': {
    table: () =>
      new (class extends Broken {
        override async update(row: SessionRow, _over: RowVersion, now: number) {
          const current = await this.get(row.key)
          return current === undefined ? { written: false } : super.update(row, current, now)
        }
      })(),
    fails: 'does not update at another revision, and names the row that stands',
  },
  'an update that inserts: a resurrected logout': {
    table: () =>
      new (class extends Broken {
        override async update(row: SessionRow, over: RowVersion, now: number) {
          return (await this.get(row.key)) === undefined ? this.force(row) : super.update(row, over, now)
        }
      })(),
    fails: 'does not update a row that is gone: a logout is final',
  },
  'expiry in whole seconds': {
    table: () =>
      new (class extends Broken {
        override insert(row: SessionRow, now: number) {
          return super.insert({ ...row, expiresAt: Math.floor(row.expiresAt / 1000) * 1000 }, now)
        }
      })(),
    fails: 'gives back what was inserted, byte for byte and to the millisecond',
  },
  'a get that hides expired rows': {
    table: () =>
      new (class extends Broken {
        override async get(key: string) {
          const row = await super.get(key)
          return row !== undefined && row.expiresAt > Date.now() ? row : undefined
        }
      })(),
    fails: 'gives back an expired row: what expiry means is not the table’s business',
  },
  'a listing that gives every row in every part': {
    table: () =>
      new (class extends Broken {
        override async list() {
          return super.list()
        }
      })(),
    fails: 'lists every row in exactly one of the parts that it is read in',
  },
  'a listing that stops after its first page': {
    table: () =>
      new (class extends Broken {
        override async list() {
          return { rows: (await super.list()).rows.slice(0, 25) }
        }
      })(),
    fails: 'lists every row once, over as many pages as it takes, and deletes many',
  },
  'a table that forgets whose a row is': {
    table: () =>
      new (class extends Broken {
        override insert({ userTag: _, ...row }: SessionRow, now: number) {
          return super.insert(row, now)
        }
      })(),
    fails: 'gives back the tag of the user, and none where there was none',
  },
  'a listing of one user that stops after its first page': {
    table: () =>
      new (class extends Broken {
        override async listUser(userTag: string) {
          return { rows: (await super.listUser(userTag)).rows.slice(0, 100) }
        }
      })(),
    fails: 'lists the rows of one user, expired ones too, and nobody else’s, over as many pages as it takes',
  },
  'an index of users in which rows stay that have become another’s': {
    table: () => new StaleIndex(),
    fails: 'lists a row under the user of its last writing alone',
  },
  'a removal by such an index': {
    table: () => new StaleIndex(),
    fails: 'does not remove a row that has become another user’s',
  },
  'an index that lags behind, as a secondary index of DynamoDB does': {
    table: () =>
      new (class extends Broken {
        #lagging: Promise<string[]> = Promise.resolve([])
        override async insert(row: SessionRow, now: number) {
          const known = (await this.list()).rows.map(({ key }) => key).slice(0, -4)
          this.#lagging = Promise.resolve(known)
          return super.insert(row, now)
        }
        override async deleteUser(userTag: string, _which: RowChoice, now: number) {
          return super.deleteUser(userTag, { only: await this.#lagging }, now)
        }
      })(),
    fails: 'removes all rows of one user, and counts those that were alive',
  },
  'a removal that counts what had expired': {
    table: () =>
      new (class extends Broken {
        override deleteUser(userTag: string, which: RowChoice) {
          return super.deleteUser(userTag, which, 0)
        }
      })(),
    fails: 'removes all rows of one user, and counts those that were alive',
  },
  'a removal that takes what was to stay': {
    table: () =>
      new (class extends Broken {
        override deleteUser(userTag: string, _which: RowChoice, now: number) {
          return super.deleteUser(userTag, { except: [] }, now)
        }
      })(),
    fails: 'removes all rows of one user but some, or some alone',
  },
  'a removal that takes rows of another kind': {
    table: () =>
      new (class extends Broken {
        override async deleteUser(userTag: string, which: RowChoice, now: number) {
          await this.delete('#of-another-kind')
          return super.deleteUser(userTag, which, now)
        }
      })(),
    fails: 'leaves rows of another kind alone, also where they carry the tag',
  },
  'a write that is refused, but whose row stays': {
    table: () =>
      new (class extends Broken {
        #ending = false
        override async insert(row: SessionRow, now: number) {
          const outcome = await super.insert(row, now)
          return this.#ending ? { written: false, signedOut: true } : outcome
        }
        override async deleteUser(userTag: string, which: RowChoice, now: number) {
          this.#ending = true
          const removed = await super.deleteUser(userTag, which, now)
          await new Promise((resolve) => setImmediate(resolve))
          return removed
        }
      })(),
    fails: 'hides no row that was written while the user’s rows were removed',
  },
}

describe('the session table contract', () => {
  it('passes the table in memory', async () => {
    expect(await failuresOf(() => new MemoryTable())).toEqual([])
  })

  it.each(Object.entries(broken))('fails %s', async (_, { table, fails }) => {
    expect(await failuresOf(table)).toContain(fails)
  })
})
