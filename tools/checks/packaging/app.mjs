import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as core from '@waxseal/core'
import * as dynamodb from '@waxseal/dynamodb'
import * as session from '@waxseal/session'
import * as testing from '@waxseal/testing'
import exercise from './exercise.cjs'

for (const library of [session, testing]) if (Object.keys(library).length === 0) throw new Error('exports nothing')
await exercise({ core, dynamodb, DynamoDBClient }, process.argv[2])
