/** A session that one item of DynamoDB cannot hold. */
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { describe, expect, inject, it } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { envelope } from '@waxseal/suite'
import { DynamoDBSessionStore } from '../src/index.ts'
import { newTable } from './support/tables.ts'

describe.each(inject('engines'))('size on $name', ({ endpoint }) => {
  it('over 400 KB: its own code and the measured size, before any call; just below fits', async () => {
    const { client, tableName } = await newTable(endpoint)
    const document = DynamoDBDocumentClient.from(client)
    const store = new DynamoDBSessionStore({ client: document, tableName, envelope })
    let calls = 0
    const count = (next: (args: never) => unknown) => (args: never) => {
      calls++
      return next(args)
    }
    // The document client shares the stack of the client that it wraps.
    client.middlewareStack.add(count as never, { step: 'initialize' })
    const error = await store.set('id', { data: 'x'.repeat(410_000) }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'ERR_WAXSEAL_SESSION_TOO_LARGE',
      message: expect.stringMatching(/410\d\d\d bytes/),
    })
    await expect(store.set('id', { data: 'x'.repeat(408_900) })).rejects.toMatchObject({
      code: 'ERR_WAXSEAL_SESSION_TOO_LARGE',
    })
    expect(calls).toBe(0)
    expect(await store.set('id', { data: 'x'.repeat(408_400) })).toBe(true)
    expect(calls).toBe(1)
    expect((await store.get<{ data: string }>('id'))?.data).toHaveLength(408_400)
  })
})
