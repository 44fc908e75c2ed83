import { restartSuite } from '@waxseal/suite'
import { remoteDatabase } from './support/suite-databases.ts'

restartSuite(remoteDatabase)
