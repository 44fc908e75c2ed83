import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { cspHash, type Html, html } from '../html.ts'
import { document } from '../page/document.ts'
import { SIGN_IN_STYLE } from './sign-in-style.ts'

export const SIGN_IN_PATH = '/sign-in/'

const ACCOUNTS = ['ada@example.com', 'grace@example.com']
const EMAIL = /^[^\s@"<>]{1,64}@[^\s@"<>]{1,189}$/
const MAX_FORM_BYTES = 4096

/** Shows the form on GET and signs in on POST, for the sign-in that the browser's cookie names. */
export async function answerSignIn(
  provider: Provider,
  appOrigins: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, content: Html): void => {
    response.writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': policy(appOrigins),
      'x-content-type-options': 'nosniff',
    })
    response.end(document({ title: 'Sign in', style: SIGN_IN_STYLE, body: content }))
  }
  let session: { uid: string } | undefined
  try {
    session = (await provider.interactionDetails(request, response)).session
  } catch {
    return send(400, expired())
  }
  if (request.method !== 'POST') return send(200, form())
  const fields = await readForm(request)
  if (fields.has('cancel')) {
    return provider.interactionFinished(
      request,
      response,
      { error: 'access_denied' },
      { mergeWithLastSubmission: false },
    )
  }
  const email = (fields.get('email') ?? '').trim().toLowerCase()
  if (!EMAIL.test(email)) return send(422, form('That is not an e-mail address.'))
  const result = { login: { accountId: email } }
  const next = await provider.interactionResult(request, response, result, { mergeWithLastSubmission: false })
  if (session !== undefined) await forgetAccount(provider, session.uid)
  response.writeHead(303, { location: next }).end()
}

/**
 * Whoever was signed in at the provider is so no more. Left to itself, oidc-provider would ask for that in a page of its own,
 * and end the grants that the browser gave as somebody else.
 */
async function forgetAccount(provider: Provider, uid: string): Promise<void> {
  const session = await provider.Session.findByUid(uid)
  if (session === undefined) return
  delete session.accountId
  delete session.authorizations
  await session.persist()
}

/** Browsers apply form-action to the redirects that follow, so the app's own origin must be in it. */
function policy(appOrigins: readonly string[]): string {
  return [
    "default-src 'none'",
    `style-src ${cspHash(SIGN_IN_STYLE)}`,
    'img-src data:',
    `form-action 'self' ${appOrigins.join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
}

function form(problem?: string): Html {
  return html`
    <main>
      <h1>Sign in</h1>
      <p>A stand-in for Google, on your machine. It speaks real OpenID&nbsp;Connect, asks for no password and takes any address.</p>
      <form method="post">
        <label for="email">E-mail address</label>
        <input id="email" name="email" type="email" required autofocus autocomplete="email" placeholder="you@example.com"${
          problem === undefined ? false : html` aria-invalid="true" aria-describedby="problem"`
        }>
        ${problem === undefined ? false : html`<p id="problem" class="problem">${problem}</p>`}
        <button class="primary">Sign in</button>
      </form>
      <form method="post" class="accounts" aria-label="Ready-made accounts">
        ${ACCOUNTS.map(
          (email) =>
            html`<button name="email" value="${email}"><span class="initial">${email.charAt(0).toUpperCase()}</span>${email}</button>`,
        )}
      </form>
      <form method="post"><button class="quiet" name="cancel" value="1">Cancel</button></form>
    </main>`
}

function expired(): Html {
  return html`
    <main>
      <h1>Nothing to sign in to</h1>
      <p>This sign-in has ended or belongs to another browser. Go back to the app and start again.</p>
    </main>`
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_FORM_BYTES) return new URLSearchParams()
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
