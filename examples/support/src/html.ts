import { createHash } from 'node:crypto'

/** Markup that is safe as it stands; everything else is escaped on its way into a template. */
export interface Html {
  readonly markup: string
}

type Value = Html | string | number | undefined | false | readonly Value[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A template tag that escapes every value in text and quoted attributes; absent and false values are left out. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { markup: strings.reduce((markup, text, index) => markup + render(values[index - 1]) + text) }
}

function render(value: Value): string {
  if (value === undefined || value === false) return ''
  if (Array.isArray(value)) return value.map(render).join('')
  if (typeof value === 'object') return (value as Html).markup
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

/** The source expression that lets a Content-Security-Policy admit this inline script or style and no other. */
export function cspHash(inline: string): string {
  return `'sha256-${createHash('sha256').update(inline).digest('base64')}'`
}
