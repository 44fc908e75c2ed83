import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const examples = fileURLToPath(new URL('../../', import.meta.url))
/** Read by the AWS SDK itself, hence nowhere in our sources. */
const READ_BY_THE_SDK = ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_ENDPOINT_URL_KMS']
/** Sources in support that prepare the environment of other apps than this one. */
const OF_OTHERS = {
  'express-dynamodb': ['vault-environment.ts'],
  'fastify-dynamodb': ['vault-environment.ts'],
  'fastify-vault': ['environment.ts'],
}
/** A choice of AWS credentials that belongs into the shell, and a switch that no user needs. */
const UNDOCUMENTED = ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED', 'PATH']

test.each(['express-dynamodb', 'fastify-dynamodb', 'fastify-vault'] as const)(
  '.env.example of %s documents what is read, all of it unset',
  (name) => {
    const lines = readFileSync(`${examples}${name}/.env.example`, 'utf8').split('\n')
    const documented = lines.filter((line) => /^[A-Z_]+=/.test(line))
    expect(documented.filter((line) => !line.endsWith('='))).toEqual([])
    const names = documented.map((line) => line.slice(0, -1))
    const bySdk = name === 'fastify-vault' ? [] : READ_BY_THE_SDK
    const expected = new Set([...bySdk, ...namesRead(name), ...namesRead('support', OF_OTHERS[name])])
    expect(names.toSorted()).toEqual([...expected].filter((variable) => !UNDOCUMENTED.includes(variable)).toSorted())
  },
)

/** Every environment variable that a source of this package names, but for some. */
function namesRead(name: string, except: readonly string[] = []): string[] {
  const files = readdirSync(`${examples}${name}/src`, { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.ts') && !file.startsWith('testing/') && !except.includes(file))
    .flatMap((file) => {
      const source = readFileSync(`${examples}${name}/src/${file}`, 'utf8')
      const direct = [...source.matchAll(/\benv\.([A-Z_]+)/g)].map(([, variable = '']) => variable)
      const destructured = [...source.matchAll(/\{([^{}]*)\} = process\.env/g)].flatMap(([, list = '']) => [
        ...list.matchAll(/[A-Z_]{3,}/g),
      ])
      const quoted = [...source.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, variable = '']) => variable)
      return [
        ...direct,
        ...destructured.map(String),
        ...quoted.filter((word) => /^(AWS|SESSION|KMS|WAXSEAL|OIDC|GOOGLE|DATABASE|ENCRYPTION)/.test(word)),
      ]
    })
}
