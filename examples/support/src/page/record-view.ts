import { type Html, html } from '../html.ts'
import { type RecordField, recordFields } from './record-fields.ts'

const SHOWN_BYTES = 20
/** So that a field of one byte can still be seen beside a thousand. */
const MIN_SHARE = 0.012

/** The record taken apart: a strip in proportion, the fields, and every byte. */
export function recordView(record: Uint8Array): Html {
  const fields = recordFields(record)
  return html`
    ${strip(fields)}
    <div class="fields" role="table" aria-label="Fields of the record">
      <div class="field head" role="row">
        ${['Field', 'Size', 'Value', 'What it is'].map((name) => html`<span role="columnheader">${name}</span>`)}
      </div>
      ${fields.map(fieldRow)}
    </div>
    <details>
      <summary>All ${record.length} bytes</summary>
      <p class="bytes">${fields.map((field) => html`<span class="${field.kind}" title="${field.name}">${hex(field.bytes)}</span> `)}</p>
    </details>`
}

function strip(fields: readonly RecordField[]): Html {
  const total = fields.reduce((sum, { bytes }) => sum + bytes.length, 0)
  let x = 0
  const bars = fields.map(({ kind, name, bytes }) => {
    const width = Math.max(bytes.length, total * MIN_SHARE)
    const bar = html`<rect class="${kind}" x="${x}" y="0" width="${width}" height="10"><title>${name}, ${bytes.length} bytes</title></rect>`
    x += width
    return bar
  })
  return html`<svg class="strip" viewBox="0 0 ${x} 10" preserveAspectRatio="none" role="img" aria-label="The record’s fields in proportion">${bars}</svg>`
}

function fieldRow({ kind, name, olderWord, offset, bytes, value, meaning }: RecordField): Html {
  return html`
    <div class="field" role="row">
      <span role="cell" class="name ${kind}">${name}${olderWord !== undefined && html` <i>${olderWord}</i>`}</span>
      <span role="cell" class="span"><b>${bytes.length}</b> <small>${bytes.length === 1 ? 'byte' : 'bytes'} at ${offset}</small></span>
      <span role="cell" class="value"><code class="${kind}">${shortHex(bytes)}</code>${value !== undefined && html` <em>${value}</em>`}</span>
      <span role="cell" class="meaning">${meaning}</span>
    </div>`
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

function shortHex(bytes: Uint8Array): string {
  return bytes.length <= SHOWN_BYTES + 4 ? hex(bytes) : `${hex(bytes.subarray(0, SHOWN_BYTES))} …`
}
