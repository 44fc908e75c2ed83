import { WaxsealError } from '@waxseal/core'
import type { OpenGrant } from './open-grant.ts'
import type { ProviderProfile } from './provider-profile.ts'
import { reportedError } from './reported-error.ts'

/** How long a provider may take to hear of a revocation, in milliseconds. */
const TIMEOUT = 10_000

/** Calls the app's hook. Throws `ERR_WAXSEAL_GRANT_REVOCATION_FAILED` (retryable) when it fails or does not end in time. */
export async function tellProvider(revoke: NonNullable<ProviderProfile['revoke']>, grant: OpenGrant): Promise<void> {
  const controller = new AbortController()
  const { signal } = controller
  const timeIsOver = new Promise<never>((_, reject) => {
    signal.onabort = () => reject(new Error('no end in time'))
  })
  const timer = setTimeout(() => controller.abort(), TIMEOUT).unref()
  try {
    await Promise.race([revoke(grant, { signal }), timeIsOver])
  } catch (error) {
    // No cause: a provider's client hangs request and response on its errors, and both hold the token.
    const message = `The provider was not told of the revocation: ${reportedError(error).lastError}`
    throw new WaxsealError('ERR_WAXSEAL_GRANT_REVOCATION_FAILED', message, { retryable: true })
  } finally {
    clearTimeout(timer)
  }
}
