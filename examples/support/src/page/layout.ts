import { cspHash, type Html, html } from '../html.ts'
import { document } from './document.ts'
import { PAGE_SCRIPT } from './page-script.ts'
import { PAGE_STYLE } from './page-style.ts'

/** What an app is made of, as the head of its pages says it. */
export type Stack = 'Express · DynamoDB' | 'Fastify · DynamoDB' | 'Fastify · Postgres'

/** Goes with every page: nothing but our own inline style and script, and no framing. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'none'",
    `style-src ${cspHash(PAGE_STYLE)}`,
    `script-src ${cspHash(PAGE_SCRIPT)}`,
    "connect-src 'self'",
    'img-src data:',
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

/** A page that says what went wrong and leads back. */
export function renderProblem(stack: Stack, heading: string, text: string): string {
  return layout(
    stack,
    false,
    html`<section class="hero"><h1>${heading}</h1><p class="lead">${text}</p><p><a class="button" href="/">Back</a></p></section>`,
  )
}

/** A page with the bar on top: whether the server runs and the way out, for who is signed in. */
export function layout(stack: Stack, signedIn: boolean, content: Html): string {
  const body = html`
    <header class="bar">
      <a class="brand" href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="15"/><path d="M8 11l4 11 4-9 4 9 4-11"/></svg>Waxseal</a>
      <span class="stack">${stack}</span>
      ${
        signedIn &&
        html`<span class="live" id="live" role="status">server running</span>
          <form method="post" action="/auth/logout"><button>Sign out</button></form>`
      }
    </header>
    <main>${content}</main>`
  return document({ title: `Waxseal · ${stack}`, style: PAGE_STYLE, script: PAGE_SCRIPT, body })
}

/** Lets a narrow screen break the address where it reads best. */
export function breakable(email: string): Html[] {
  return email.split(/(?=[@.])/).map((part) => html`${part}<wbr>`)
}
