import type { ProviderProfile, RefreshRequest, TokenResponse } from '../provider-profile.ts'
import type { RefreshSettings } from './refresh-settings.ts'
import { noAnswer, type Refusal, refusalOf } from './refusal.ts'
import { type Renewal, readTokenResponse } from './token-response.ts'

/** Either is there. */
export type ProviderAnswer =
  | { readonly renewal: Renewal; readonly refusal?: never }
  | { readonly refusal: Refusal; readonly renewal?: never }

/**
 * Calls the app's refresher, once. Never rejects, and ends in time also where the refresher does not.
 *
 * @param late told what comes after that: the refresh token is spent, and these are the only ones that the provider takes
 */
export async function askProvider(
  refresh: NonNullable<ProviderProfile['refresh']>,
  request: RefreshRequest,
  settings: RefreshSettings,
  late: (renewal: Renewal) => void,
): Promise<ProviderAnswer> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const timeIsOver = new Promise<ProviderAnswer>((resolve) => {
    timer = setTimeout(() => {
      isOver = true
      controller.abort(new DOMException('The provider did not answer in time', 'TimeoutError'))
      resolve({ refusal: noAnswer('timeout') })
    }, settings.refreshTimeoutSeconds * 1000).unref()
  })
  const ask = async () => read(await refresh(request, { signal: controller.signal }))
  const answer: Promise<ProviderAnswer> = ask().catch((error: unknown) => ({
    refusal: refusalOf(error, settings.terminalErrors),
  }))
  void answer.then(({ renewal }) => {
    if (isOver && renewal !== undefined) late(renewal)
  })
  try {
    return await Promise.race([answer, timeIsOver])
  } finally {
    clearTimeout(timer)
  }
}

function read(response: TokenResponse): ProviderAnswer {
  const renewal = readTokenResponse(response)
  return renewal === undefined ? { refusal: noAnswer('malformed_response') } : { renewal }
}
