import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import { logTo } from '@waxseal/core'
import { createLogger, portFrom, untilSignal } from '@waxseal-examples/support'
import Fastify from 'fastify'
import { authRoutes } from './auth.ts'
import { database } from './config/database.ts'
import { services } from './config/environment.ts'
import { sessionConfig, sessionStore } from './config/session.ts'
import { vault } from './config/vault.ts'
import { connectRoutes } from './connect.ts'
import { grantRoutes } from './grant-routes.ts'
import { answerError, refuseForeignForms } from './guards.ts'
import { routes } from './routes.ts'
import { createTenants } from './tenants.ts'

const production = process.env.NODE_ENV === 'production'
const logger = createLogger()
logTo(logger)
await createTenants()

const app = Fastify({
  loggerInstance: logger,
  // Behind a proxy that ends TLS, the address in the browser comes from its headers.
  trustProxy: production,
  // Status streams never end by themselves.
  forceCloseConnections: true,
})

await app.register(fastifyCookie)
await app.register(fastifySession, {
  ...sessionConfig,
  store: sessionStore,
  saveUninitialized: false,
  cookieName: 'connect.sid',
})
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
  done(null, Object.fromEntries(new URLSearchParams(String(body))))
})
app.addHook('preHandler', refuseForeignForms)
app.setErrorHandler(answerError)
await app.register(authRoutes)
await app.register(connectRoutes)
await app.register(grantRoutes)
await app.register(routes)

const port = portFrom(process.env)
await app.listen({ port, host: production ? '0.0.0.0' : 'localhost' })
console.log(`fastify-vault listens on http://localhost:${port}`)

await untilSignal()
await app.close()
// What is under way ends first, refreshes above all; the database is needed for it.
await vault.dispose()
await sessionStore.dispose()
await database.close()
await services.close()
