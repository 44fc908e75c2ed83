import { WaxsealTypeError } from '@waxseal/core'

/** In bytes. Postgres cuts names off after 63, and those of the indexes of a table have up to 15 bytes behind its own. */
const LONGEST_NAME = 48

/**
 * Throws `ERR_WAXSEAL_ARGUMENT` for a name with which indexes would have one name, cut off: all but the first would be missing.
 *
 * @param factory what the error names
 */
export function checkTableName(factory: string, name: string): void {
  if (name !== '' && Buffer.byteLength(name) <= LONGEST_NAME) return
  const message = `${factory}: the name of a table must have 1 to ${LONGEST_NAME} bytes, with room for those of its indexes`
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}
