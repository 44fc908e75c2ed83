import type { TokenTypeUnderTest } from '../../src/index.ts'
import type { BrokenVault } from './reference-fixture.ts'
import type { Row, Tokens } from './reference-table.ts'
import { ReferenceVault } from './reference-vault.ts'

/** Vaults that store, give out, bind or revoke wrongly. */
export const brokenVaults: Readonly<Record<string, BrokenVault>> = {
  'a vault that loses one of two tokens stored at once': {
    Vault: class extends ReferenceVault {
      protected override isAsRead() {
        return () => true
      }
    },
    fails: 'keeps both tokens of an account that are stored at once, a thousand times',
  },
  'a vault whose rows open in each other’s place': {
    Vault: class extends ReferenceVault {
      protected override bound() {
        return ''
      }
    },
    fails: 'opens no tokens in the place of others, whichever name tells the two apart',
  },
  'a vault that binds a record to everything but the tenant': {
    Vault: class extends ReferenceVault {
      protected override bound({ provider, account, kind }: Row) {
        return JSON.stringify([provider, account, kind])
      }
    },
    fails: 'opens no tokens in the place of others, whichever name tells the two apart',
  },
  'a vault that gives out access tokens that have expired': {
    Vault: class extends ReferenceVault {
      override async getAccessToken(...args: Parameters<ReferenceVault['getAccessToken']>) {
        const [tenantId, provider, identifier] = args
        const found = await this.getToken(tenantId, provider, 'access_token', identifier)
        if (found !== null && this.hasExpired(found)) return { token: found.value, needsRefresh: true }
        return super.getAccessToken(...args)
      }
    },
    fails: 'gives no access token that has expired, and marks it invalid',
    also: ['lets an app refresh by itself: no access token, the refresh token, both stored anew'],
  },
  'a vault in which an invalid access token takes the refresh token along': {
    Vault: class extends ReferenceVault {
      protected override invalidate(tokens: Tokens, type: TokenTypeUnderTest) {
        const other = type === 'access_token' ? 'refresh_token' : type
        return super.invalidate(super.invalidate(tokens, type), other)
      }
    },
    fails: 'takes an access token that is invalid for that alone: the grant stays refreshable',
  },
  'a vault that forgets the refresh token when a user connects again': {
    Vault: class extends ReferenceVault {
      override async putGrant(input: Parameters<ReferenceVault['putGrant']>[0]) {
        const { access_token, refresh_token } = input.tokens
        const { tenantId, provider, account } = input
        const former = await this.getToken(tenantId, provider, 'refresh_token', account).catch(() => null)
        if (refresh_token === undefined && former !== null) await this.deleteToken(former.id)
        return super.putGrant({ ...input, tokens: { access_token, ...(refresh_token && { refresh_token }) } })
      }
    },
    fails: 'keeps the refresh token where a user connects again and the provider sends none',
    also: ['moves the version with the refresh token and with nothing else'],
  },
  'a vault whose version moves with every access token': {
    Vault: class extends ReferenceVault {
      protected override isNewAuthority() {
        return true
      }
    },
    fails: 'moves the version with the refresh token and with nothing else',
    also: ['loses no refresh token to writes that leave it alone'],
  },
  'a vault that keeps what a provider says of a token': {
    Vault: class extends ReferenceVault {
      protected override codeOf(error: unknown) {
        const code = super.codeOf(error)
        return code === 'invalid_grant' || code === 'invalid_client' ? code : String(error)
      }
    },
    fails: 'has no token in its table or its errors, also after providers have quoted them',
  },
  'a vault that throws what a provider says of a token': {
    Vault: class extends ReferenceVault {
      protected override failure(refusal: { readonly status: string }, cause: unknown) {
        return Object.assign(super.failure(refusal, cause), { cause })
      }
    },
    fails: 'has no token in its table or its errors, also after providers have quoted them',
  },
  'a vault that tells no provider of a revocation': {
    Vault: class extends ReferenceVault {
      protected override async revokeAtProvider() {}
    },
    fails: 'revokes: the provider is told, the tokens are gone, and storing makes the grant anew',
    also: ['brings no grant back that is revoked during a refresh, and tells the provider of what came'],
  },
  'a vault that trims what accounts are called': {
    Vault: class extends ReferenceVault {
      protected override name(...[tenantId, provider, account, kind]: Parameters<ReferenceVault['name']>) {
        return super.name(tenantId, provider, account?.trim(), kind)
      }
    },
    fails: 'keeps tenants and accounts apart whatever they are called',
  },
}
