import { createSecretKey } from 'node:crypto'
import { encodeContext, type RecordContext } from './context.ts'
import { WaxsealError } from './errors.ts'
import { parseRecord } from './record.ts'
import { openRecord } from './seal-record.ts'

/** `vectors/open/text.json`; its data key protects nothing. */
export const frozenRecord: {
  readonly dataKey: string
  readonly recordContext: RecordContext
  readonly plaintext: string
  readonly record: string
} = {
  dataKey: '37dbe8000c5396a9fc2019c34222db3e9d387a110ff4fc99a0ac19e0564f96ea',
  recordContext: { purpose: 'session', table: 'sessions', key: 'FLlSvW-sWUbgC1JEXJbEO0VeCbwDBY4ygJ9HqpPArFc' },
  plaintext: 'efbbbf6e61c3af766520f09f9491',
  record:
    'ec0201000101020b774c446d74384f7a4c6b38006807027fb79d8a6859907c8d5b586cc8671d2e1fba5e9b6a2e0318e1740f' +
    '41c8f5b66c13ae740286de84502beca56dfb8e5cb93cd137676b24f3b4ad4c05d9e394f2944c70f7c84a0587c3bcf708cd11' +
    '722528e87ae45797791fd3dbdad88273ab5b724aed463892cafe1ee8f97569e5e1d4a8d8f382a44126059ae0afc64a17d871' +
    '15267ce63784252354e650da60cce68ff1daa9f7557a7574df1d2015a6fd9f2d65e8f8b438800417abba8d8919770f2b69c9' +
    'aa2968879287ed6a9dd2c5',
}

/**
 * Opens a frozen record: derivation, AES-256-GCM and parser at once. A Node built or switched to refuse one of the
 * primitives, in FIPS mode for instance, is found when an envelope is made and not when the first user signs in.
 * @throws WaxsealError `ERR_WAXSEAL_CONFIG`
 */
export function selfTest(): void {
  try {
    const { dataKey, recordContext, plaintext, record } = frozenRecord
    const key = createSecretKey(Buffer.from(dataKey, 'hex'))
    const opened = openRecord(key, parseRecord(Buffer.from(record, 'hex')), encodeContext(recordContext))
    if (Buffer.from(opened).toString('hex') === plaintext) return
  } catch (cause) {
    throw failure(cause)
  }
  throw failure()
}

function failure(cause?: unknown): WaxsealError {
  return new WaxsealError('ERR_WAXSEAL_CONFIG', 'Waxseal: the cryptography of this Node.js does not work as it must', {
    cause,
  })
}
