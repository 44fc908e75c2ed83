import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import type { SessionStore } from '@waxseal/session'
import express from 'express'
import session from 'express-session'
import fastify from 'fastify'

/** What a route may do with its session, whatever the framework. */
export interface Visit {
  readonly session: Record<string, unknown>
  readonly cookie: { maxAge: number | null; expires: Date | null; originalMaxAge: number | null }
  readonly id: string
  readonly store: SessionStore
  save(): Promise<void>
  reload(): Promise<void>
  destroy(): Promise<void>
  regenerate(): Promise<void>
}

/** Returns what is sent as JSON; a string or Buffer is sent as it is. */
export type Route = (visit: Visit) => unknown

export interface AppOptions {
  readonly maxAge?: number
  readonly rolling?: boolean
  readonly framework?: Record<string, unknown>
}

export interface TestApp {
  readonly url: string
  close(): Promise<void>
}

export const SECRET = 'a secret of the tests, 32 characters or more'
export const COOKIE_NAME = 'connect.sid'

export type StartApp = (store: SessionStore, routes: Record<string, Route>, options?: AppOptions) => Promise<TestApp>

const promised = (run: (done: (error?: unknown) => void) => void) =>
  new Promise<void>((resolve, reject) => run((error) => (error ? reject(error) : resolve())))

export const startExpress: StartApp = async (store, routes, { maxAge, rolling, framework } = {}) => {
  const app = express()
  const cookie = maxAge === undefined ? {} : { maxAge }
  app.use(
    session({
      store,
      secret: SECRET,
      name: COOKIE_NAME,
      resave: false,
      saveUninitialized: false,
      rolling: rolling ?? false,
      cookie,
      ...framework,
    }),
  )
  for (const [path, route] of Object.entries(routes)) {
    app.get(path, async (request, response) => {
      const result = await route({
        get session() {
          return request.session as unknown as Record<string, unknown>
        },
        get cookie() {
          return request.session.cookie as unknown as Visit['cookie']
        },
        get id() {
          return request.sessionID
        },
        store,
        save: () => promised((done) => request.session.save(done)),
        reload: () => promised((done) => request.session.reload(done)),
        destroy: () => promised((done) => request.session.destroy(done)),
        regenerate: () => promised((done) => request.session.regenerate(done)),
      })
      if (typeof result === 'string' || Buffer.isBuffer(result)) response.send(result)
      else response.json(result ?? null)
    })
  }
  app.use(((error, _request, response, next) => {
    if (response.headersSent) return next(error)
    response.status(500).json({ code: error.code ?? error.message })
  }) as express.ErrorRequestHandler)
  const server: Server = app.listen(0)
  // As long as Fastify's. After Node's 5 seconds a request could take the connection that the server was about to close.
  server.keepAliveTimeout = 72_000
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await promised((done) => server.close(done))
    },
  }
}

export const startFastify: StartApp = async (store, routes, { maxAge, rolling, framework } = {}) => {
  const app = fastify({ forceCloseConnections: true })
  await app.register(fastifyCookie)
  await app.register(fastifySession, {
    store,
    secret: SECRET,
    cookieName: COOKIE_NAME,
    cookiePrefix: 's:',
    saveUninitialized: false,
    ...(rolling !== undefined && { rolling }),
    cookie: { secure: false, ...(maxAge !== undefined && { maxAge }) },
    ...framework,
  })
  for (const [path, route] of Object.entries(routes)) {
    app.get(path, async (request, reply) => {
      const result = await route({
        get session() {
          return request.session as unknown as Record<string, unknown>
        },
        get cookie() {
          return request.session.cookie as unknown as Visit['cookie']
        },
        get id() {
          return request.session.sessionId
        },
        store,
        save: () => request.session.save(),
        reload: () => request.session.reload(),
        destroy: () => request.session.destroy(),
        regenerate: () => request.session.regenerate(),
      })
      return reply.send(result ?? 'null')
    })
  }
  app.setErrorHandler((error: { code?: string; message: string }, _request, reply) => {
    reply.status(500).send({ code: error.code ?? error.message })
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, close: () => app.close() }
}

/** A framework, and how to start an app in it. */
export interface Framework {
  readonly framework: 'Express' | 'Fastify'
  readonly start: StartApp
}

export const frameworks: readonly Framework[] = [
  { framework: 'Express', start: startExpress },
  { framework: 'Fastify', start: startFastify },
]
