import { createSessionTable, sessionTablePolicy } from '@waxseal/dynamodb'
import { docClient, SESSIONS_TABLE } from './config/aws.ts'
import { services } from './config/environment.ts'

// Makes the table that the app uses, once, and prints what the app must be allowed to do with it.
const { created, tableArn } = await createSessionTable({ client: docClient, tableName: SESSIONS_TABLE })
console.log(`${SESSIONS_TABLE}: ${created ? 'created' : 'is there already'}`)
console.log(JSON.stringify(sessionTablePolicy(tableArn), null, 2))
await services.close()
