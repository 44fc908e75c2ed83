import { WaxsealError } from '@waxseal/core'
import { isSameOrigin, pageHeaders, renderProblem } from '@waxseal-examples/support'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** Nobody else's page may sign a user out or write into the session. */
export async function refuseForeignForms(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (request.method === 'POST' && !isSameOrigin(request.headers)) {
    return reply.code(403).send({ error: 'forbidden' })
  }
}

/** An outage is not a sign-out: it is said to be one, with 503, and the cookie stays. */
export async function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const outage = error instanceof WaxsealError && error.retryable
  const status = outage ? 503 : (error.statusCode ?? 500)
  if (status >= 500) request.log.error({ code: error.code, message: error.message }, 'request failed')
  // The session plugin saves with every answer: with this one it would fail again, and replace the page.
  Object.assign(request, { session: null })
  const text = outage ? 'Your session is safe; try again in a moment.' : 'Something went wrong.'
  return reply
    .code(status)
    .headers(pageHeaders)
    .send(
      renderProblem('Fastify · DynamoDB', outage ? 'The session store cannot be reached' : 'That did not work', text),
    )
}
