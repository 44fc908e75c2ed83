import { type Defence, replace } from '../defence.ts'

const src = 'packages/drizzle/src/vault'
const tests = 'packages/drizzle/test/vault'
const sealed = `${src}/sealed-tokens.ts`
const sealedTests = `${tests}/sealed.test.ts`

/** The token vault: that a grant opens in its own row alone, and that a refresh token is neither spent twice nor lost. */
export const vault: readonly Defence[] = [
  {
    attack: 1,
    defence: 'a grant opens in its own row alone',
    patch: [replace(sealed, 'provider, account, kind, id }', 'provider, account, kind, id: id.slice(0, 0) }')],
    testFile: sealedTests,
    test: "'postgres by node-postgres' whoever gives a row another id, or copies the value of another, does not open it",
  },
  {
    attack: 1,
    defence: 'a grant opens for its own tenant alone',
    patch: [replace(sealed, 'tenant: tenantId, provider', "tenant: '', provider")],
    testFile: sealedTests,
    test: "'postgres by node-postgres' whoever moves a row to another tenant_id does not open it there",
  },
  {
    attack: 1,
    defence: 'a grant opens in its own vault alone',
    patch: [replace(sealed, 'table: this.#logicalName', "table: ''")],
    testFile: sealedTests,
    test: 'a sealed grant does not open in another row, another vault, or as a record of another purpose',
  },
]
