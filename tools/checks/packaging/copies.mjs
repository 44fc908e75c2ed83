// An app may hold the ESM and the CJS copy at once; `instanceof` must hold for errors of either.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as esm from '@waxseal/core'
import * as dynamodb from '@waxseal/dynamodb'
import exercise from './exercise.cjs'

const require = createRequire(import.meta.url)
const cjs = require('@waxseal/core')
assert.notEqual(esm.WaxsealError, cjs.WaxsealError, 'two copies, or this proves nothing')

const copies = [
  [await exercise({ core: esm, dynamodb, DynamoDBClient }, process.argv[2]), cjs],
  [await exercise({ core: cjs, dynamodb: require('@waxseal/dynamodb'), DynamoDBClient }, process.argv[2]), esm],
  // The store is of one copy, its envelope of the other.
  [await exercise({ core: cjs, dynamodb, DynamoDBClient }, process.argv[2]), esm],
]
for (const [{ refused, misuse }, other] of copies) {
  assert.ok(refused instanceof other.WaxsealError)
  assert.ok(!(refused instanceof other.WaxsealTypeError))
  assert.equal(misuse.code, 'ERR_WAXSEAL_SESSION_INVALID')
  assert.ok(misuse instanceof other.WaxsealError)
  assert.ok(misuse instanceof other.WaxsealTypeError)
  assert.ok(misuse instanceof TypeError)
}
assert.ok(!(new Error('another') instanceof esm.WaxsealError))
