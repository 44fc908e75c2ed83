import { Readable } from 'node:stream'
import {
  type AppSession,
  pageHeaders,
  renderVaultPage,
  statusEvents,
  statusOf,
  wantsEvents,
} from '@waxseal-examples/support'
import type { FastifyInstance } from 'fastify'
import { services } from './config/environment.ts'
import { sessionStore } from './config/session.ts'
import { vault } from './config/vault.ts'
import { allTenants, tenantOf } from './tenants.ts'

/** What there is to see once signed in. */
export async function routes(app: FastifyInstance): Promise<void> {
  app.get('/', async ({ session }, reply) => {
    reply.headers(pageHeaders)
    const { user, notice } = session
    if (user === undefined) return renderVaultPage(undefined)
    const tenantId = tenantOf(session.tenantId).id
    const [{ grants }, counts] = await Promise.all([vault.listGrants({ tenantId }), vault.countGrants({ tenantId })])
    const localApi = services.provider !== undefined
    return renderVaultPage({ email: user.email, tenants: allTenants, tenantId, grants, counts, notice, localApi })
  })

  app.post<{ Body?: { tenant?: string } }>('/tenant', async ({ session, body }, reply) => {
    if (session.user !== undefined) {
      session.tenantId = tenantOf(body?.tenant).id
      delete session.notice
      await session.save()
    }
    return reply.redirect('/', 303)
  })

  app.get('/protected', async ({ session }, reply) => {
    if (session.user === undefined) return reply.code(401).send({ error: 'not signed in' })
    return reply.header('cache-control', 'no-store').send({ email: session.user.email, sessionId: session.sessionId })
  })

  app.get('/grants', async ({ session }, reply) => {
    if (session.user === undefined) return reply.code(401).send({ error: 'not signed in' })
    const { grants } = await vault.listGrants({ tenantId: tenantOf(session.tenantId).id })
    return reply.header('cache-control', 'no-store').send(grants)
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
