import { type AppSession, createSignIn, deviceOf, pageHeaders, renderProblem } from '@waxseal-examples/support'
import type { FastifyInstance, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface Session extends AppSession {}
}

/** Sign-in and sign-out. */
export async function authRoutes(app: FastifyInstance): Promise<void> {
  const signIn = createSignIn()

  app.get('/auth/login', async (request, reply) => {
    const { url, pending } = await signIn.begin(`${originOf(request)}/auth/callback`)
    request.session.pendingSignIn = pending
    // Saved before the answer leaves: a failure is then an error page, not a lost sign-in.
    await request.session.save()
    return reply.redirect(url)
  })

  app.get('/auth/callback', async (request, reply) => {
    const { pendingSignIn } = request.session
    if (pendingSignIn === undefined) return reply.redirect('/')
    let signedIn: Awaited<ReturnType<typeof signIn.finish>>
    try {
      signedIn = await signIn.finish(originOf(request) + request.url, pendingSignIn)
    } catch (error) {
      request.log.warn({ reason: (error as Error).message }, 'sign-in refused')
      const problem = renderProblem(
        'Fastify · DynamoDB',
        'You are not signed in',
        'The sign-in was cancelled or has expired.',
      )
      return reply.code(400).headers(pageHeaders).send(problem)
    }
    // A new id at sign-in: whoever knew the old one knows nothing.
    await request.session.regenerate()
    request.session.user = signedIn.user
    request.session.tokens = signedIn.tokens
    request.session.signedInAt = Date.now()
    request.session.device = deviceOf(request.headers['user-agent'])
    await request.session.save()
    return reply.redirect('/')
  })

  app.post('/auth/logout', async (request, reply) => {
    await request.session.destroy()
    return reply.clearCookie('connect.sid', { path: '/' }).redirect('/', 303)
  })
}

function originOf(request: FastifyRequest): string {
  return `${request.protocol}://${request.host}`
}
