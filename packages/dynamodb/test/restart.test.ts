import { restartSuite } from '@waxseal/suite'
import { suiteDatabases } from './support/suite-databases.ts'

for (const database of suiteDatabases) restartSuite(database)
