import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import {
  type AppSession,
  pageHeaders,
  readSessionRow,
  renderPage,
  statusEvents,
  statusOf,
  wantsEvents,
} from '@waxseal-examples/support'
import { Router } from 'express'
import { docClient, SESSIONS_TABLE } from './config/aws.ts'
import { sessionStore } from './config/session.ts'

/** What there is to see once signed in. */
export function routes(): Router {
  const router = Router()

  router.get('/', async ({ session, sessionID: sessionId }, res) => {
    const row = session.user && (await readSessionRow(docClient, SESSIONS_TABLE, sessionId))
    const devices = session.user ? await sessionStore.sessionsOf(session.user.email) : []
    const page = renderPage({
      stack: 'Express · DynamoDB',
      session,
      sessionId,
      tableName: SESSIONS_TABLE,
      row,
      devices,
    })
    res.set(pageHeaders).send(page)
  })

  router.post('/note', async ({ session, body }, res) => {
    if (session.user !== undefined) {
      session.note = String(body?.note ?? '').slice(0, 200)
      await promisify(session.save.bind(session))()
    }
    res.redirect(303, '/')
  })

  router.post('/sessions/end', async ({ session, body }, res) => {
    if (session.user !== undefined) await sessionStore.destroyOneOf(session.user.email, String(body?.key))
    res.redirect(303, '/')
  })

  router.post('/sessions/end-others', async ({ session, sessionID }, res) => {
    if (session.user !== undefined) await sessionStore.destroyOthersOf(session.user.email, sessionID)
    res.redirect(303, '/')
  })

  router.get('/protected', ({ session, sessionID: sessionId }, res) => {
    if (session.user === undefined) return void res.status(401).json({ error: 'not signed in' })
    res.set('cache-control', 'no-store').json({ email: session.user.email, sessionId })
  })

  router.get('/mcp/status', async (req, res) => {
    res.set('cache-control', 'no-store')
    if (!wantsEvents(req.headers.accept)) return void res.json(statusOf(req.session))
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    const events = statusEvents(() => sessionStore.get<AppSession>(req.sessionID), gone.signal)
    res.type('text/event-stream')
    // Whoever hangs up ends the stream; that is no error.
    await pipeline(Readable.from(events), res).catch(() => {})
  })

  return router
}
