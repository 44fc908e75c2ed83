import { WaxsealError } from '@waxseal/core'
import { type createLogger, isSameOrigin, pageHeaders, pathOf, renderProblem } from '@waxseal-examples/support'
import type { ErrorRequestHandler, RequestHandler } from 'express'

type Logger = ReturnType<typeof createLogger>

export function logRequests(logger: Logger): RequestHandler {
  return (req, res, next) => {
    res.once('finish', () => logger.info({ req, status: res.statusCode }, 'request completed'))
    next()
  }
}

/** Nobody else's page may sign a user out or write into the session. */
export const refuseForeignForms: RequestHandler = (req, res, next) => {
  if (req.method !== 'POST' || isSameOrigin(req.headers)) return next()
  res.status(403).json({ error: 'forbidden' })
}

/** An outage is not a sign-out: it is said to be one, with 503, and the cookie stays. */
export function answerError(logger: Logger): ErrorRequestHandler {
  return (error, req, res, next) => {
    const outage = error instanceof WaxsealError && error.retryable
    const status = outage ? 503 : (error.status ?? 500)
    if (status >= 500) {
      logger.error({ path: pathOf(req.url), code: error.code, message: error.message }, 'request failed')
    }
    if (res.headersSent) return next(error)
    const text = outage ? 'Your session is safe; try again in a moment.' : 'Something went wrong.'
    const heading = outage ? 'The session store cannot be reached' : 'That did not work'
    res
      .status(status)
      .set(pageHeaders)
      .send(renderProblem('Express · DynamoDB', heading, text))
  }
}
