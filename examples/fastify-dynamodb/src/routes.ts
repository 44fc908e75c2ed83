import { Readable } from 'node:stream'
import {
  type AppSession,
  pageHeaders,
  readSessionRow,
  renderPage,
  statusEvents,
  statusOf,
  wantsEvents,
} from '@waxseal-examples/support'
import type { FastifyInstance } from 'fastify'
import { docClient, SESSIONS_TABLE } from './config/aws.ts'
import { sessionStore } from './config/session.ts'

/** What there is to see once signed in. */
export async function routes(app: FastifyInstance): Promise<void> {
  app.get('/', async ({ session }, reply) => {
    const { sessionId } = session
    const row = session.user && (await readSessionRow(docClient, SESSIONS_TABLE, sessionId))
    const devices = session.user ? await sessionStore.sessionsOf(session.user.email) : []
    const page = renderPage({
      stack: 'Fastify · DynamoDB',
      session,
      sessionId,
      tableName: SESSIONS_TABLE,
      row,
      devices,
    })
    return reply.headers(pageHeaders).send(page)
  })

  app.post<{ Body?: { note?: string } }>('/note', async ({ session, body }, reply) => {
    if (session.user !== undefined) {
      session.note = String(body?.note ?? '').slice(0, 200)
      await session.save()
    }
    return reply.redirect('/', 303)
  })

  app.post<{ Body?: { key?: string } }>('/sessions/end', async ({ session, body }, reply) => {
    if (session.user !== undefined) await sessionStore.destroyOneOf(session.user.email, String(body?.key))
    return reply.redirect('/', 303)
  })

  app.post('/sessions/end-others', async ({ session }, reply) => {
    if (session.user !== undefined) await sessionStore.destroyOthersOf(session.user.email, session.sessionId)
    return reply.redirect('/', 303)
  })

  app.get('/protected', async ({ session }, reply) => {
    if (session.user === undefined) return reply.code(401).send({ error: 'not signed in' })
    return reply.header('cache-control', 'no-store').send({ email: session.user.email, sessionId: session.sessionId })
  })

  app.get('/mcp/status', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    if (!wantsEvents(request.headers.accept)) return statusOf(request.session)
    const gone = new AbortController()
    request.raw.once('close', () => gone.abort())
    const { sessionId } = request.session
    const events = statusEvents(() => sessionStore.get<AppSession>(sessionId), gone.signal)
    return reply.type('text/event-stream').send(Readable.from(events))
  })
}
