/** What several requests see of one browser's sessions, on every engine: see tools/suite. */
import { modelSuite } from '@waxseal/suite'
import { suiteDatabases } from './support/suite-databases.ts'

for (const database of suiteDatabases) modelSuite(database)
