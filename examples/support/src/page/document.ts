import type { Html } from '../html.ts'
import { html } from '../html.ts'

const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="#a4262c"/><path d="M8 11l4 11 4-9 4 9 4-11" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/></svg>',
)}`

/** A whole page; style and script are inline so that the page needs nothing from anywhere else. */
export function document(parts: { title: string; style: string; script?: string; body: Html }): string {
  const { title, style, script, body } = parts
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${ICON}">
<style>${{ markup: style }}</style>
</head>
<body>
${body}
${script === undefined ? false : html`<script>${{ markup: script }}</script>`}
</body>
</html>
`.markup
}
