const exercise = require('./exercise.cjs')
const exerciseKms = require('./kms.cjs')
const exercisePostgres = require('./postgres.cjs')
const exerciseProviders = require('./providers.cjs')
const exerciseVersion1 = require('./version1.cjs')
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb')
const { KMSClient } = require('@aws-sdk/client-kms')
const [core, dynamodb] = [require('@waxseal/core'), require('@waxseal/dynamodb')]
const [postgres, nodePostgres] = [require('@waxseal/drizzle/session'), require('drizzle-orm/node-postgres')]
const [awsKms, testingKms] = [require('@waxseal/core/aws-kms'), require('@waxseal/testing/kms')]

for (const library of [require('@waxseal/session'), require('@waxseal/testing')]) {
  if (Object.keys(library).length === 0) throw new Error('exports nothing')
}
exercise({ core, dynamodb, DynamoDBClient }, process.argv[2])
  .then(() => exerciseKms({ core, awsKms, testingKms, KMSClient }))
  .then(() => exerciseVersion1({ core, version1: require('@waxseal/core/version1') }))
  .then(() => exercisePostgres({ core, postgres, vault: require('@waxseal/drizzle'), nodePostgres }))
  .then(() =>
    exerciseProviders({ vault: require('@waxseal/drizzle'), providers: require('@waxseal/drizzle/providers') }),
  )
  .catch((error) => {
    console.error(error)
    process.exitCode = 1
  })
