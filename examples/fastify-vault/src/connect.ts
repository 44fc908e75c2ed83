import { createSignIn, pageHeaders, renderProblem } from '@waxseal-examples/support'
import type { FastifyInstance } from 'fastify'
import { originOf } from './auth.ts'
import { vault } from './config/vault.ts'
import { tenantOf } from './tenants.ts'

/** Connects an account of the user's at the provider to the tenant: by authorization code, with PKCE, state and nonce. */
export async function connectRoutes(app: FastifyInstance): Promise<void> {
  const authorization = createSignIn()

  app.get('/connect', async (request, reply) => {
    const { session } = request
    if (session.user === undefined) return reply.redirect('/')
    const { url, pending } = await authorization.begin(`${originOf(request)}/connect/callback`)
    session.pendingConnection = { ...pending, tenantId: tenantOf(session.tenantId).id }
    await session.save()
    return reply.redirect(url)
  })

  app.get('/connect/callback', async (request, reply) => {
    const { session } = request
    const { pendingConnection, user } = session
    if (pendingConnection === undefined || user === undefined) return reply.redirect('/')
    const { tenantId, ...pending } = pendingConnection
    let connected: Awaited<ReturnType<typeof authorization.finish>>
    try {
      connected = await authorization.finish(originOf(request) + request.url, pending)
    } catch (error) {
      request.log.warn({ reason: (error as Error).message }, 'connection refused')
      const text = 'The connection was cancelled or has expired.'
      const problem = renderProblem('Fastify · Postgres', 'Nothing was connected', text)
      return reply.code(400).headers(pageHeaders).send(problem)
    }
    const { user: account, tokens, scopes } = connected
    await vault.putGrant({
      tenantId,
      provider: 'google',
      account: account.email,
      tokens: {
        access_token: { value: tokens.accessToken, expiresAt: new Date(tokens.expiresAt) },
        ...(tokens.refreshToken !== undefined && { refresh_token: { value: tokens.refreshToken } }),
      },
      scopes,
    })
    delete session.pendingConnection
    session.notice = { good: true, text: `${account.email} is connected.` }
    await session.save()
    return reply.redirect('/')
  })
}
