import type { CreateVault, SelectorUnderTest } from '../../src/index.ts'
import { type Name, ReferenceTable } from './reference-table.ts'
import { ReferenceVault } from './reference-vault.ts'

/** A vault that fails the contract: at the case meant for it, and at those that it cannot but fail as well. */
export interface BrokenVault {
  readonly Vault: typeof ReferenceVault
  readonly fails: string
  readonly also?: readonly string[]
}

/** Makes a vault for `tokenVaultContract`, the right one unless told otherwise. */
export function referenceFixture(Vault: typeof ReferenceVault = ReferenceVault): CreateVault {
  return ({ providers }) => {
    const table = new ReferenceTable()
    const nameOf = ({ account = '', ...selector }: SelectorUnderTest): Name => ({ ...selector, account, kind: 'oauth' })
    return {
      vault: new Vault(table, providers),
      reopen: () => new Vault(table, providers),
      rawRows: () => table.select(() => true),
      swapTokens: (one, other) => table.swapTokens(nameOf(one), nameOf(other)),
    }
  }
}
