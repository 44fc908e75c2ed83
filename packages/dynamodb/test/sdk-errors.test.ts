/** What the AWS SDK's errors become: a code, a remedy, and nothing of what their messages and exchanges quote. */
import { inspect } from 'node:util'
import { DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import type { WaxsealError } from '@waxseal/core'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, expect, it } from 'vitest'
import { DynamoDBSessionStore } from '../src/index.ts'
import { envelope } from './support/stores.ts'

const client = new DynamoDBClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
const mock = mockClient(client)
beforeEach(() => {
  mock.reset()
})
const store = new DynamoDBSessionStore({ client, tableName: 'T', envelope })

it.each([
  ['ProvisionedThroughputExceededException', '', 'ERR_WAXSEAL_STORE_UNAVAILABLE', true, /ProvisionedThroughput/],
  ['ThrottlingException', '', 'ERR_WAXSEAL_STORE_UNAVAILABLE', true, /ThrottlingException/],
  ['TransactionConflictException', '', 'ERR_WAXSEAL_STORE_UNAVAILABLE', true, /TransactionConflict/],
  ['InternalServerError', '', 'ERR_WAXSEAL_STORE_UNAVAILABLE', true, /InternalServerError/],
  ['ValidationException', 'Item size has exceeded the maximum', 'ERR_WAXSEAL_SESSION_TOO_LARGE', false, /400 KB/],
  ['AccessDeniedException', '', 'ERR_WAXSEAL_CONFIG', false, /sessionTablePolicy/],
  ['UnrecognizedClientException', '', 'ERR_WAXSEAL_CONFIG', false, /AWS_ACCESS_KEY_ID/],
  ['ExpiredTokenException', '', 'ERR_WAXSEAL_CONFIG', false, /AWS_SESSION_TOKEN/],
  ['InvalidSignatureException', '', 'ERR_WAXSEAL_CONFIG', false, /AWS_SECRET_ACCESS_KEY/],
  ['CredentialsProviderError', '', 'ERR_WAXSEAL_CONFIG', false, /AWS_PROFILE/],
])('%s %s is %s', async (name, text, code, retryable, message) => {
  const quoting = Object.assign(new Error(`${text} quoted row data`), { name })
  mock.on(GetItemCommand).rejects(quoting)
  mock.on(PutItemCommand).rejects(quoting)
  for (const operation of [() => store.get('id'), () => store.set('id', {})]) {
    const error = await operation().catch((reason: unknown) => reason as WaxsealError)
    expect(error).toMatchObject({ code, retryable, message: expect.stringMatching(message) })
    expect((error as WaxsealError).message).not.toContain('quoted')
  }
})

it('a signature error shows no session token', async () => {
  const token = 'TOKEN-OF-THE-ROLE'
  const message = `The Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:${token}\n'`
  mock
    .on(PutItemCommand)
    .rejects(Object.assign(new Error(message), { name: 'InvalidSignatureException', $response: { token } }))
  const error = await store.set('id', {}).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'ERR_WAXSEAL_CONFIG' })
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(token)
})

it('the error of a user’s index that is full shows no session token', async () => {
  const token = 'TOKEN-OF-THE-ROLE'
  const refusal = Object.assign(new Error('Item size to update has exceeded the maximum allowed size'), {
    name: 'ValidationException',
    $response: { body: { req: { headers: { 'x-amz-security-token': token } } } },
  })
  let indexKey: unknown
  mock.on(PutItemCommand).callsFake(({ Item }) => {
    indexKey ??= Item
    return {}
  })
  mock.on(GetItemCommand).callsFake(({ Key }) => ({
    Item: Key.sessionId.S === '#waxseal/index-key/1' ? indexKey : undefined,
  }))
  mock.on(UpdateItemCommand).rejects(refusal)
  const userId = (session: Record<string, unknown>) => session.user as string
  const ofUsers = new DynamoDBSessionStore({ client, tableName: 'T', envelope, userId })
  const error = await ofUsers.set('id', { user: 'ada' }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'ERR_WAXSEAL_SESSION_TOO_LARGE', message: expect.stringContaining('index') })
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(token)
})
