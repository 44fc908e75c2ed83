const exercise = require('./exercise.cjs')
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb')
const [core, dynamodb] = [require('@waxseal/core'), require('@waxseal/dynamodb')]

for (const library of [require('@waxseal/session'), require('@waxseal/testing')]) {
  if (Object.keys(library).length === 0) throw new Error('exports nothing')
}
exercise({ core, dynamodb, DynamoDBClient }, process.argv[2]).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
