/**
 * Writes the frozen records of vectors/ that are not there yet: `tsx tools/vectors/make.ts`. Every input follows from the
 * name of its scenario, so a second run in an empty folder gives the same bytes.
 */
import './open.ts'
import './refuse.ts'
import './passphrase.ts'
