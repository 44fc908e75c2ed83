/** The store under both frameworks, by every driver: see tools/suite. */
import { sessionStoreSuite } from '@waxseal/suite'
import { suiteDatabases } from './support/suite-databases.ts'

for (const database of suiteDatabases) sessionStoreSuite(database)
