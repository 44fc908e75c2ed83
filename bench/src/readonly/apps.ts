import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fastifyCookie } from '@fastify/cookie'
import { fastifySession, type SessionStore } from '@fastify/session'
import express from 'express'
import expressSession, { type Store } from 'express-session'
import { fastify } from 'fastify'

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}
declare module 'fastify' {
  interface Session {
    user: string
  }
}

/** A running app with `POST /login`, which writes the session, and `GET /`, which only reads it. */
export interface App {
  readonly origin: string
  stop(): Promise<void>
}

const secret = 'a secret of at least thirty-two characters'

export async function startExpress(store: Store): Promise<App> {
  const app = express()
  app.use(expressSession({ store, secret, resave: false, saveUninitialized: false }))
  app.post('/login', (request, response) => {
    request.session.user = 'ada'
    response.end()
  })
  app.get('/', (request, response) => {
    response.end(request.session.user)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

export async function startFastify(store: Store | SessionStore): Promise<App> {
  const app = fastify()
  app.register(fastifyCookie)
  // All else as the plugin has it, `rolling` included: it then sets the session on every request.
  app.register(fastifySession, {
    store: store as SessionStore,
    secret,
    saveUninitialized: false,
    cookie: { secure: false },
  })
  app.post('/login', async (request) => {
    request.session.user = 'ada'
    return ''
  })
  app.get('/', async (request) => request.session.user)
  return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), stop: () => app.close() }
}
