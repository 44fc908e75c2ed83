/** The frozen items of version 1, which another implementation wrote, as a store finds them in its table. */
import { readdirSync, readFileSync } from 'node:fs'
import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { createEnvelope, generateKey, localKeyring, WaxsealError } from '@waxseal/core'
import { fakeClock } from '@waxseal/testing'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { DynamoDBSessionStore, type EncryptedSessionRecord } from '../src/index.ts'
import { newTable } from './support/tables.ts'

interface Vector {
  readonly dataKey: string
  readonly wrapped: string
  readonly item: EncryptedSessionRecord
  readonly plaintext?: string
  readonly error?: string
}

function vectors(kind: 'open' | 'refuse'): [string, Vector][] {
  const folder = new URL(`../../../vectors/version1/${kind}/`, import.meta.url)
  const names = readdirSync(folder).filter((name) => name.startsWith('item-'))
  return names.map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8'))])
}

/** Under a keyring that unwraps the data key of this one item. */
function envelopeOf({ dataKey, wrapped }: Vector) {
  const wrappedKey = { keyringId: 1, kid: 'eu-west-1:version-1', wrapped: Buffer.from(wrapped, 'hex') }
  const newDataKey = () => Buffer.from(dataKey, 'hex')
  const version1 = {
    generateDataKey: async () => ({ plaintextKey: newDataKey(), wrappedKeys: [wrappedKey] }),
    unwrapDataKey: async (blob: Uint8Array) => {
      if (Buffer.compare(blob, wrappedKey.wrapped) === 0) return { plaintextKey: newDataKey(), wrappedKey }
      throw new WaxsealError('ERR_WAXSEAL_INTEGRITY', 'another blob')
    },
  }
  const keyring = { ...localKeyring(generateKey()), version1 }
  return createEnvelope({ keyring, encryptionContext: { app: 'test' } })
}

function attribute(value: unknown): AttributeValue {
  if (value === null) return { NULL: true }
  return typeof value === 'number' ? { N: String(value) } : { S: String(value) }
}

describe.each(inject('engines'))('frozen items of version 1 on $name', async ({ endpoint }) => {
  const { client, tableName } = await newTable(endpoint)

  async function read(vector: Vector) {
    const { item } = vector
    const Item = Object.fromEntries(Object.entries(item).map(([name, value]) => [name, attribute(value)]))
    await client.send(new PutItemCommand({ TableName: tableName, Item }))
    const version1 = { acceptUntil: new Date(item.ttl * 1000) }
    const clock = fakeClock(item.ttl * 1000 - 3_600_000)
    const store = new DynamoDBSessionStore({ client, tableName, envelope: envelopeOf(vector), version1, clock })
    const unreadable: unknown[] = []
    store.on('unreadable', ({ code }) => unreadable.push(code))
    const session = await store.get(item.sessionId)
    await store.destroy(item.sessionId)
    return { session, unreadable }
  }

  it.each(vectors('open'))('%s', async (_, vector) => {
    const text = Buffer.from(vector.plaintext!, 'hex').toString()
    const expected = text.startsWith('{')
      ? { session: JSON.parse(text), unreadable: [] }
      : { session: null, unreadable: ['ERR_WAXSEAL_RECORD_MALFORMED'] }
    expect(await read(vector)).toEqual(expected)
  })

  it.each(vectors('refuse'))('%s', async (_, vector) => {
    expect(await read(vector)).toEqual({ session: null, unreadable: [vector.error] })
  })
})
