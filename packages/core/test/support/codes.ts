import { WaxsealError, type WaxsealErrorCode } from '../../src/index.ts'

/** The code of what a call raises; fails the test when it raises nothing, or something that is not ours. */
export async function codeOf(call: () => unknown): Promise<WaxsealErrorCode> {
  try {
    await call()
  } catch (error) {
    if (error instanceof WaxsealError) return error.code
    throw error
  }
  throw new Error('expected an error, and there was none')
}

/** Like {@link codeOf} for calls that must raise at once. */
export function codeOfSync(call: () => unknown): WaxsealErrorCode {
  try {
    call()
  } catch (error) {
    if (error instanceof WaxsealError) return error.code
    throw error
  }
  throw new Error('expected an error, and there was none')
}
