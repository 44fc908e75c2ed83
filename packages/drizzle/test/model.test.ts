/** What several requests see of one browser's sessions, by every driver: see tools/suite. */
import { modelSuite } from '@waxseal/suite'
import { suiteDatabases } from './support/suite-databases.ts'

for (const database of suiteDatabases) modelSuite(database)
