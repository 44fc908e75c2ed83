import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import * as core from '@waxseal/core'
import * as awsKms from '@waxseal/core/aws-kms'
import * as version1 from '@waxseal/core/version1'
import * as vault from '@waxseal/drizzle'
import * as providers from '@waxseal/drizzle/providers'
import * as postgres from '@waxseal/drizzle/session'
import * as dynamodb from '@waxseal/dynamodb'
import * as session from '@waxseal/session'
import * as testing from '@waxseal/testing'
import * as testingKms from '@waxseal/testing/kms'
import * as nodePostgres from 'drizzle-orm/node-postgres'
import exercise from './exercise.cjs'
import exerciseKms from './kms.cjs'
import exercisePostgres from './postgres.cjs'
import exerciseProviders from './providers.cjs'
import exerciseVersion1 from './version1.cjs'

for (const library of [session, testing]) if (Object.keys(library).length === 0) throw new Error('exports nothing')
await exercise({ core, dynamodb, DynamoDBClient }, process.argv[2])
await exerciseKms({ core, awsKms, testingKms, KMSClient })
await exerciseVersion1({ core, version1 })
await exercisePostgres({ core, postgres, vault, nodePostgres })
await exerciseProviders({ vault, providers })
