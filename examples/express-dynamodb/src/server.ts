import { once } from 'node:events'
import { logTo } from '@waxseal/core'
import { createLogger, portFrom, untilSignal } from '@waxseal-examples/support'
import express from 'express'
import session from 'express-session'
import { authRoutes } from './auth.ts'
import { services } from './config/environment.ts'
import { sessionConfig, sessionStore } from './config/session.ts'
import { closeVault } from './config/vault.ts'
import { connectRoutes } from './connect.ts'
import { answerError, logRequests, refuseForeignForms } from './guards.ts'
import { routes } from './routes.ts'

const production = process.env.NODE_ENV === 'production'
const logger = createLogger()
logTo(logger)

const app = express()
// Behind a proxy that ends TLS, the address in the browser comes from its headers.
app.set('trust proxy', production)
app.disable('x-powered-by')
app.use(logRequests(logger))
app.use(session({ ...sessionConfig, store: sessionStore, resave: false, saveUninitialized: false }))
app.use(refuseForeignForms)
app.use(express.urlencoded({ extended: false, limit: '4kb' }))
app.use(authRoutes(logger))
app.use(connectRoutes(logger))
app.use(routes())
app.use(answerError(logger))

const port = portFrom(process.env)
const server = production ? app.listen(port) : app.listen(port, 'localhost')
await once(server, 'listening')
console.log(`express-dynamodb listens on http://localhost:${port}`)

await untilSignal()
server.close()
// Status streams never end by themselves.
server.closeAllConnections()
await once(server, 'close')
await closeVault()
await services.close()
