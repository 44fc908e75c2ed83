export {
  type AppOptions,
  COOKIE_NAME,
  frameworks,
  type Route,
  SECRET,
  type StartApp,
  startExpress,
  startFastify,
  type TestApp,
  type Visit,
} from './apps.ts'
export { Browser } from './browser.ts'
