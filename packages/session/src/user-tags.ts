import type { StopSignal } from './deadlines.ts'
import type { IndexKeys } from './index-keys.ts'
import { type SessionSnapshot, sessionIn } from './session-content.ts'
import { type UserIdOption, userIdOf } from './user-id.ts'

/** Says which tag a row is to carry: by it the sessions of one user are found, without their id standing in the table. */
export class UserTags {
  readonly #indexKeys: IndexKeys
  readonly #userId: UserIdOption

  constructor(indexKeys: IndexKeys, userId: UserIdOption) {
    this.#indexKeys = indexKeys
    this.#userId = userId
  }

  /**
   * The tag of a row with this content, over one that carries `standing`; `undefined` while nobody is signed in.
   * Throws `ERR_WAXSEAL_SESSION_INVALID` when the option `userId` throws or gives what is no id.
   */
  async tagOf(
    snapshot: SessionSnapshot,
    standing: string | undefined,
    signal: StopSignal,
  ): Promise<string | undefined> {
    const user = userIdOf(sessionIn(snapshot), this.#userId)
    return user === undefined ? undefined : this.#indexKeys.tagFor(user, standing, signal)
  }
}
