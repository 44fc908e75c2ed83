/** Logins that meet a removal of the user's sessions, in every order of their calls, and with either ending half-way. */
import { randomBytes } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientConfig } from '@waxseal/engines'
import type { SessionRow } from '@waxseal/session'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionTable } from '../src/index.ts'
import { interleavings, SteppedProcess } from './support/stepped-process.ts'
import { newTable } from './support/tables.ts'

const signal = { aborted: false, onabort: null }
const now = Date.now()
const all = { except: [] }

const random = () => randomBytes(32).toString('base64url')
const rowOf = (userTag: string | undefined, change: Partial<SessionRow> = {}): SessionRow => ({
  key: random(),
  record: randomBytes(50),
  expiresAt: now + 3_600_000,
  revision: 1,
  kid: 'k',
  ...(userTag !== undefined && { userTag, absoluteExpiresAt: now + 86_400_000 }),
  ...change,
})

/** Entry, row, check. */
const LOGIN = 3
/** Read, mark, rows. */
const REMOVAL = 3
const orders = interleavings(LOGIN, REMOVAL)

describe.each(inject('engines'))('on $name', ({ endpoint }) => {
  let client: DynamoDBClient
  let tableName: string
  let table: DynamoDBSessionTable
  beforeAll(async () => {
    ;({ client, tableName } = await newTable(endpoint))
    table = new DynamoDBSessionTable(client, tableName, 'sessionId')
  })
  afterAll(() => client.destroy())

  const process = <T>(operation: (own: DynamoDBSessionTable) => Promise<T>) =>
    new SteppedProcess(endpoint, tableName, operation)
  const removal = (tag: string) => process((own) => own.deleteUser(tag, all, now, signal))
  const keysOf = async (tag: string) => (await table.listUser(tag, undefined, signal)).rows.map(({ key }) => key)
  /** Whether the login had announced itself when the removal looked. */
  const isBefore = (order: readonly boolean[]) => order[0] === true

  it('a login makes three calls, a later write of the session one', async () => {
    const tag = random()
    const row = rowOf(tag)
    const login = process((own) => own.insert(row, now, signal))
    expect(await login.run()).toEqual({ written: true })
    expect(login.sent).toEqual(['UpdateItem', 'PutItem', 'GetItem'])
    const write = process((own) => own.update({ ...row, revision: 2 }, row, now, signal))
    expect(await write.run()).toEqual({ written: true })
    expect(write.sent).toEqual(['PutItem'])
    const end = removal(tag)
    expect(await end.run()).toBe(1)
    expect(end.sent).toEqual(['GetItem', 'UpdateItem', 'DeleteItem'])
  })

  it(`in each of ${orders.length} orders a login is ended as well, or is answered and found`, async () => {
    const outcomes = new Set<boolean>()
    for (const order of orders) {
      const tag = random()
      const row = rowOf(tag)
      const login = process((own) => own.insert(row, now, signal))
      const end = removal(tag)
      for (const isLogin of order) await (isLogin ? login : end).step()
      const outcome = await login.run()
      await end.run()
      const isThere = (await table.get(row.key, signal)) !== undefined
      outcomes.add(isThere)
      if (isBefore(order)) expect(isThere).toBe(false)
      if (isThere) {
        expect(outcome).toEqual({ written: true })
        expect(await keysOf(tag)).toEqual([row.key])
      }
    }
    expect(outcomes.size).toBe(2)
  })

  it('a login in a session that is there, while another request writes on top of it', async () => {
    for (const order of orders.filter(isBefore)) {
      for (const turn of [2, 3, 4, 5]) {
        const tag = random()
        const anonymous = rowOf(undefined)
        await table.insert(anonymous, now, signal)
        const login = process((own) =>
          own.update({ ...rowOf(tag), key: anonymous.key, revision: 2 }, anonymous, now, signal),
        )
        const end = removal(tag)
        for (const [index, isLogin] of order.entries()) {
          await (isLogin ? login : end).step()
          if (index + 1 !== turn) continue
          const met = await table.get(anonymous.key, signal)
          if (met !== undefined) {
            await table.update({ ...rowOf(met.userTag), key: met.key, revision: met.revision + 1 }, met, now, signal)
          }
        }
        await login.run()
        await end.run()
        const left = await table.get(anonymous.key, signal)
        expect(left?.userTag).toBe(undefined)
        expect(await keysOf(tag)).toEqual([])
      }
    }
  })

  it.each(Array.from({ length: LOGIN }, (_, calls) => calls))(
    'a login that ends after %i of its calls leaves nothing that the next removal misses',
    async (calls) => {
      for (const order of orders) {
        const tag = random()
        const row = rowOf(tag)
        const login = process((own) => own.insert(row, now, signal))
        const end = removal(tag)
        let made = 0
        for (const isLogin of order) {
          if (!isLogin) await end.step()
          else if (made++ < calls) await login.step()
        }
        await login.end()
        await end.run()
        await table.deleteUser(tag, all, now, signal)
        expect(await table.get(row.key, signal)).toBe(undefined)
      }
    },
  )

  it.each(Array.from({ length: REMOVAL }, (_, calls) => calls))(
    'a removal that ends after %i of its calls leaves nothing that the next one misses',
    async (calls) => {
      for (const order of orders) {
        const tag = random()
        const [old, row] = [rowOf(tag), rowOf(tag)]
        await table.insert(old, now, signal)
        const login = process((own) => own.insert(row, now, signal))
        const end = removal(tag)
        let made = 0
        for (const isLogin of order) {
          if (isLogin) await login.step()
          else if (made++ < calls) await end.step()
        }
        await end.end()
        const outcome = await login.run()
        if (outcome !== 'ended' && outcome.written) expect(await keysOf(tag)).toContain(row.key)
        await table.deleteUser(tag, all, now, signal)
        for (const { key } of [old, row]) expect(await table.get(key, signal)).toBe(undefined)
      }
    },
  )

  it('a login whose answer was lost and whose repetition was refused is checked like any other', async () => {
    const tag = random()
    const row = rowOf(tag)
    const login = process((own) => own.insert(row, now, signal))
    await login.step()
    // What its first try has stored.
    await table.insert({ ...row, userTag: undefined }, now, signal)
    await table.update({ ...row, revision: 2 }, { ...row, userTag: tag }, now, signal)
    await table.deleteUser(tag, all, now, signal)
    await table.insert({ ...row, userTag: undefined }, now, signal)
    await table.update({ ...row, revision: 2 }, { ...row, userTag: tag }, now, signal)
    expect(await login.run()).toEqual({ written: false, signedOut: true })
    expect(await table.get(row.key, signal)).toBe(undefined)
  })
  it.each(['fails', 'comes too late'])('a login whose look at the index %s leaves no row', async (what) => {
    const tag = random()
    const row = rowOf(tag)
    const own = new DynamoDBClient(clientConfig(endpoint))
    const stopping = { aborted: false, onabort: null as (() => void) | null }
    own.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName !== 'GetItemCommand') return next(args)
          if (what === 'fails') return Promise.reject(new Error('throttled'))
          const call = next(args)
          stopping.aborted = true
          stopping.onabort?.()
          return call
        },
      { step: 'initialize' },
    )
    const login = new DynamoDBSessionTable(own, tableName, 'sessionId').insert(row, now, stopping)
    await expect(login).rejects.toMatchObject({ retryable: true })
    expect(await table.get(row.key, signal)).toBe(undefined)
    own.destroy()
  })
})
