/** Two requests of one session at the same time, a thousand times over, on every engine: see tools/suite. */
import { raceSuite } from '@waxseal/suite'
import { suiteDatabases } from './support/suite-databases.ts'

for (const database of suiteDatabases) raceSuite(database)
