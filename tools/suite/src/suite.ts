import { beforeAll, describe } from 'vitest'
import { frameworks } from './apps.ts'
import { badRecordCases } from './bad-records.ts'
import { completionCases } from './completion.ts'
import { conflictCases } from './conflicts.ts'
import { cookieCases, sharedCookieCases } from './cookies.ts'
import type { SuiteDatabase } from './database.ts'
import { expressCases } from './express.ts'
import { fastifyCases } from './fastify.ts'
import { lifetimeCases, storeLifetimeCases } from './lifetimes.ts'
import { loginCases } from './logins.ts'
import { logoutCases } from './logouts.ts'
import { storeApiCases } from './store-api.ts'
import { trapCoverageCase } from './trap-coverage.ts'
import { trapCases } from './traps.ts'
import { userCases } from './users.ts'
import { callCases } from './writes-per-request.ts'

/**
 * Registers every case of a session store on this database, under both frameworks. One call for all of them, so that no
 * database misses a theme.
 */
export function sessionStoreSuite(database: SuiteDatabase): void {
  describe(`on ${database.name}`, () => {
    beforeAll(() => database.start?.())

    for (const framework of frameworks) {
      describe(`under ${framework.framework}`, () => {
        trapCases(database, framework)
        loginCases(database, framework)
        logoutCases(database, framework)
        conflictCases(database, framework)
        cookieCases(database, framework)
        lifetimeCases(database, framework)
        callCases(database, framework)
        if (framework.framework === 'Express') expressCases(database)
        else fastifyCases(database)
      })
    }
    sharedCookieCases(database)
    completionCases(database)
    storeApiCases(database)
    storeLifetimeCases(database)
    badRecordCases(database)
    userCases(database)
    trapCoverageCase()
  })
}
