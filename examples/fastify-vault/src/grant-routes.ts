import { WaxsealError } from '@waxseal/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { burst } from './burst.ts'
import { services } from './config/environment.ts'
import { vault } from './config/vault.ts'
import { tenantOf } from './tenants.ts'

interface Form {
  Body?: { readonly provider?: string; readonly account?: string; readonly key?: string }
}

/** What can be done with a tenant's grants. Each answers with the page, which says what came of it. */
export async function grantRoutes(app: FastifyInstance): Promise<void> {
  app.post<Form>('/grants/refresh', async ({ session, body }, reply) => {
    await noting(session, async (tenantId) => {
      const account = String(body?.account ?? '')
      const { version } = await vault.refreshGrant({ tenantId, provider: 'google', account })
      return `The access token is new, or less than a minute old: version ${version}.`
    })
    return reply.redirect('/', 303)
  })

  app.post<Form>('/grants/burst', async ({ session, body }, reply) => {
    const api = services.provider?.api
    if (api === undefined) return reply.callNotFound()
    await noting(session, async (tenantId) => {
      const account = String(body?.account ?? '')
      const { calls, refused, succeeded, providerCalls } = await burst({ tenantId, provider: 'google', account }, api)
      return `${calls} calls at once: ${refused} were refused with 401, the provider was asked ${times(providerCalls)}, ${succeeded} succeeded.`
    })
    return reply.redirect('/', 303)
  })

  app.post<Form>('/grants/revoke', async ({ session, body }, reply) => {
    await noting(session, async (tenantId) => {
      const account = String(body?.account ?? '')
      const isKey = body?.provider === 'voicenter'
      const grant = isKey
        ? await vault.revokeGrant({ tenantId, provider: 'voicenter', account, kind: 'api_key' })
        : await vault.revokeGrant({ tenantId, provider: 'google', account })
      return grant === null ? 'There is no such grant.' : 'Revoked: the provider was told, and the tokens are erased.'
    })
    return reply.redirect('/', 303)
  })

  app.post<Form>('/api-keys', async ({ session, body }, reply) => {
    const value = String(body?.key ?? '').slice(0, 200)
    if (value !== '') {
      await noting(session, async (tenantId) => {
        await vault.storeToken(tenantId, 'voicenter', 'api_key', { value })
        return 'The key is stored, sealed.'
      })
    }
    return reply.redirect('/', 303)
  })
}

/** Runs an action for the tenant that a signed-in user looks at, and leaves word of how it went for the page. */
async function noting(
  session: FastifyRequest['session'],
  action: (tenantId: string) => Promise<string>,
): Promise<void> {
  if (session.user === undefined) return
  try {
    session.notice = { good: true, text: await action(tenantOf(session.tenantId).id) }
  } catch (error) {
    if (!(error instanceof WaxsealError)) throw error
    session.notice = { good: false, text: `${error.message} (${error.code})` }
  }
  await session.save()
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}
