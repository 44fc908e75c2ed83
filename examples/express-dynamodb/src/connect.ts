import { promisify } from 'node:util'
import { type createLogger, createSignIn, pageHeaders, renderProblem } from '@waxseal-examples/support'
import { Router } from 'express'
import { originOf } from './auth.ts'
import { openVault } from './config/vault.ts'

/** Connects an account at the provider for whoever is signed in: its tokens go into the vault, and out of it to no browser. */
export function connectRoutes(logger: ReturnType<typeof createLogger>): Router {
  const router = Router()
  const authorization = createSignIn()

  router.get('/connect', async (req, res) => {
    if (req.session.user === undefined) return res.redirect('/')
    const { url, pending } = await authorization.begin(`${originOf(req)}/connect/callback`)
    req.session.pendingConnection = pending
    await promisify(req.session.save.bind(req.session))()
    // Meanwhile; the callback waits for it, and answers for what goes wrong.
    openVault().catch(() => {})
    res.redirect(url)
  })

  router.get('/connect/callback', async (req, res) => {
    const { pendingConnection, user } = req.session
    if (pendingConnection === undefined || user === undefined) return res.redirect('/')
    delete req.session.pendingConnection
    let connected: Awaited<ReturnType<typeof authorization.finish>>
    try {
      connected = await authorization.finish(originOf(req) + req.originalUrl, pendingConnection)
    } catch (error) {
      logger.warn({ reason: (error as Error).message }, 'connection refused')
      const text = 'The connection was cancelled or has expired.'
      return res
        .status(400)
        .set(pageHeaders)
        .send(renderProblem('Express · DynamoDB', 'Nothing was connected', text))
    }
    const vault = await openVault()
    const { refreshToken, accessToken, expiresAt } = connected.tokens
    const grant = await vault.putGrant({
      // Each user is a tenant of their own here; an app with customers has theirs.
      tenantId: user.email,
      provider: 'google',
      account: connected.user.email,
      tokens: {
        access_token: { value: accessToken, expiresAt: new Date(expiresAt) },
        ...(refreshToken !== undefined && { refresh_token: { value: refreshToken } }),
      },
      scopes: connected.scopes,
    })
    // From now on: await vault.getFreshAccessToken({ tenantId, provider: 'google', account })
    const { provider, account, status, scopes } = grant
    res.set('cache-control', 'no-store').json({ provider, account, status, scopes, expiresAt: grant.expiresAt })
  })

  return router
}
