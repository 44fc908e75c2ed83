export {
  type AppOptions,
  COOKIE_NAME,
  type Framework,
  frameworks,
  type Route,
  SECRET,
  type StartApp,
  startExpress,
  startFastify,
  type TestApp,
  type Visit,
} from './apps.ts'
export { type Answer, Browser } from './browser.ts'
export {
  encryptionContext,
  envelope,
  keys,
  type RemoteDatabase,
  type SuiteDatabase,
  type SuiteTable,
} from './database.ts'
export { faultSuite } from './faults.ts'
export { expectEveryOperation, hostileNames } from './hostile-names.ts'
export { modelSuite } from './model/model-suite.ts'
export { ObservedTable, observe, type TableCall } from './observed-table.ts'
export { raceSuite } from './race-suite.ts'
export { restartSuite } from './restart.ts'
export { sessionStoreSuite } from './suite.ts'
export { browse, eventsOf, movableDate, outcome, sessionOf, turnstile } from './support.ts'
