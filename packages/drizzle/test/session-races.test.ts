/** Two requests of one session at the same time, a thousand times over, on every engine: see tools/suite. One driver for each. */
import { raceSuite } from '@waxseal/suite'
import { suiteDatabases } from './support/suite-databases.ts'

for (const database of suiteDatabases) if (!database.name.includes('postgres.js')) raceSuite(database)
