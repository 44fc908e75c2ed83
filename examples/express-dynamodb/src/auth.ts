import { promisify } from 'node:util'
import {
  type AppSession,
  type createLogger,
  createSignIn,
  deviceOf,
  type PendingSignIn,
  pageHeaders,
  renderProblem,
} from '@waxseal-examples/support'
import { type Request, Router } from 'express'

declare module 'express-session' {
  interface SessionData extends AppSession {
    /** Kept between the way to the provider and the way back, while an account is connected. */
    pendingConnection?: PendingSignIn
  }
}

/** Sign-in and sign-out. */
export function authRoutes(logger: ReturnType<typeof createLogger>): Router {
  const router = Router()
  const signIn = createSignIn()

  router.get('/auth/login', async (req, res) => {
    const { url, pending } = await signIn.begin(`${originOf(req)}/auth/callback`)
    req.session.pendingSignIn = pending
    // Saved before the answer leaves: a failure is then an error page, not a lost sign-in.
    await promisify(req.session.save.bind(req.session))()
    res.redirect(url)
  })

  router.get('/auth/callback', async (req, res) => {
    const { pendingSignIn } = req.session
    if (pendingSignIn === undefined) return res.redirect('/')
    let signedIn: Awaited<ReturnType<typeof signIn.finish>>
    try {
      signedIn = await signIn.finish(originOf(req) + req.originalUrl, pendingSignIn)
    } catch (error) {
      logger.warn({ reason: (error as Error).message }, 'sign-in refused')
      const problem = renderProblem(
        'Express · DynamoDB',
        'You are not signed in',
        'The sign-in was cancelled or has expired.',
      )
      return res.status(400).set(pageHeaders).send(problem)
    }
    // A new id at sign-in: whoever knew the old one knows nothing.
    await promisify(req.session.regenerate.bind(req.session))()
    req.session.user = signedIn.user
    req.session.tokens = signedIn.tokens
    req.session.signedInAt = Date.now()
    req.session.device = deviceOf(req.headers['user-agent'])
    await promisify(req.session.save.bind(req.session))()
    res.redirect('/')
  })

  router.post('/auth/logout', async (req, res) => {
    await promisify(req.session.destroy.bind(req.session))()
    res.clearCookie('connect.sid', { path: '/' }).redirect(303, '/')
  })

  return router
}

/** Where the browser believes to be. */
export function originOf(req: Request): string {
  return `${req.protocol}://${req.host}`
}
