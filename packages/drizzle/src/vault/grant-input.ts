import { isStorable, misuse } from './arguments.ts'
import { type GrantKind, kindOf, type TokenType, tokenTypes } from './grant.ts'
import type { GrantMetadata } from './provider-profile.ts'
import { newToken, type Token, type TokenInput, type Tokens } from './sealed-tokens.ts'

/** The tokens of one grant as callers give them: all of one kind. */
export type TokenInputs =
  | { readonly access_token: TokenInput; readonly refresh_token?: TokenInput }
  | { readonly access_token?: TokenInput; readonly refresh_token: TokenInput }
  | { readonly api_key: TokenInput }
  | { readonly webhook_secret: TokenInput }

/** The tokens, checked, and the kind of grant that they make. */
export function checkTokens(inputs: TokenInputs): { tokens: Tokens; kind: GrantKind } {
  if (typeof inputs !== 'object' || inputs === null) misuse('tokens must be an object of tokens by type')
  const given = inputs as { readonly [Type in TokenType]?: TokenInput }
  const tokens: { [Type in TokenType]?: Token } = {}
  for (const type of tokenTypes) {
    const input = given[type]
    if (input !== undefined) tokens[type] = newToken(input)
  }
  const [kind, ...others] = new Set((Object.keys(tokens) as TokenType[]).map(kindOf))
  if (kind === undefined || others.length > 0) misuse('tokens must hold an OAuth token, an api_key or a webhook_secret')
  return { tokens, kind }
}

export function checkScopes(scopes: unknown): string[] {
  const isList = Array.isArray(scopes) && scopes.every((scope) => typeof scope === 'string' && isStorable(scope))
  return isList ? [...scopes] : misuse('scopes must be a list of texts')
}

/** A copy as JSON has it; `ERR_WAXSEAL_ARGUMENT` for what JSON cannot express or a jsonb column not hold. */
export function checkMetadata(metadata: unknown): GrantMetadata {
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
  if (!isObject) misuse('metadata must be an object')
  let copy: GrantMetadata
  try {
    copy = JSON.parse(JSON.stringify(metadata), (key, value) => {
      if (!isStorable(key) || (typeof value === 'string' && !isStorable(value))) throw new TypeError()
      return value
    })
  } catch {
    misuse('metadata must be JSON, without NUL or ill-formed Unicode')
  }
  return copy
}
