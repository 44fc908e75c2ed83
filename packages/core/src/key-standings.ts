import { KeyStanding, type KeyStandingOptions } from './key-standing.ts'
import type { WrappedKey } from './keyring.ts'
import { LruMap } from './lru-map.ts'
import type { Scope } from './scope.ts'

/** As many as there are data keys; one that is forgotten still answers for the data keys that it vouched for. */
const CAPACITY = 10_000

export interface KeyStandingsOptions extends Omit<KeyStandingOptions, 'ask' | 'onDenied'> {
  readonly ask: (scope: Scope, witness: WrappedKey) => Promise<void>
  readonly onDenied: (standing: KeyStanding) => void
}

/** The standings of all key-encryption keys, one for each of them and encryption context. */
export class KeyStandings {
  readonly #options: KeyStandingsOptions
  readonly #standings = new LruMap<KeyStanding>(CAPACITY)

  constructor(options: KeyStandingsOptions) {
    this.#options = options
  }

  find(scope: Scope, wrappedKey: WrappedKey): KeyStanding | undefined {
    return this.#standings.get(idOf(scope, wrappedKey))
  }

  /** The standing that a data key has by this wrapping of it, with this one as its newest witness. */
  witnessedBy(scope: Scope, wrappedKey: WrappedKey): KeyStanding {
    const known = this.find(scope, wrappedKey)
    if (known !== undefined) {
      known.witnessedBy(wrappedKey)
      return known
    }
    const { ask, onDenied, ...rest } = this.#options
    const standing: KeyStanding = new KeyStanding(
      { ...rest, ask: (witness) => ask(scope, witness), onDenied: () => onDenied(standing) },
      wrappedKey,
    )
    this.#standings.set(idOf(scope, wrappedKey), standing)
    return standing
  }

  clear(): void {
    this.#standings.clear()
  }
}

function idOf(scope: Scope, { keyringId, kid }: WrappedKey): string {
  return `${scope.id} ${keyringId} ${kid}`
}
