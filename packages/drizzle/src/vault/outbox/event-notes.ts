import type { Draft } from '../drafts.ts'
import type { Statements } from '../statements.ts'
import { quoted, quotedName } from '../table-sql.ts'
import type { GrantEvent, TokenVaultOutbox } from './outbox-table.ts'

/**
 * What the statements of a vault make happen to a grant, where they tell its former status only if that is not the one it has now.
 * `status`: the event is named like the new status. The statements that are not here change nothing that anybody waits for.
 */
const events: { readonly [Name in keyof Statements]?: GrantEvent | 'status' } = {
  insert: 'stored',
  renew: 'stored',
  replace: 'stored',
  amend: 'status',
  reduce: 'status',
  beginRevoking: 'revoking',
  endRevoking: 'revoked',
  delete: 'deleted',
  deleteAsRead: 'deleted',
  deleteProvider: 'deleted',
  commit: 'refreshed',
  fail: 'status',
  quarantine: 'quarantined',
  reseal: 'restored',
  lift: 'restored',
}

/**
 * Makes statements leave a row in the outbox for each grant that they change, by putting them into a larger one as they are: no
 * transaction is needed for both, and none can take one of them back.
 */
export function withEventNotes(outbox: TokenVaultOutbox): (name: string, draft: Draft) => Draft {
  const { grantId, tenantId, event, at } = outbox
  const names = [grantId, tenantId, event, at].map((column) => quoted(column.name)).join(', ')
  const insert = `insert into ${quotedName(outbox)} (${names})`
  const tenantType = tenantId.getSQLType()

  return (name, draft) => {
    const what = events[name as keyof Statements]
    const [query, fields = [], ...rest] = draft
    if (what === undefined) return draft
    /** The column of `changed` that holds a field. */
    const columnOf = (field: string) => columns[fields.findIndex(({ path: [first] }) => first === field)]
    const columns = fields.map((_, index) => `c${index}`)
    const [id, tenant, status, former] = ['id', 'tenantId', 'status', 'formerStatus'].map(columnOf)
    if (id === undefined || tenant === undefined || (what === 'status' && former === undefined)) {
      throw new TypeError(`The statement ${name} does not return what its event takes`)
    }
    const word = what === 'status' ? `lower(${status})` : `'${what}'`
    const note = `${insert} select ${id}, ${tenant}::${tenantType}, ${word}, clock_timestamp() from changed`
    const isEvent = former === undefined ? '' : ` where ${status} <> ${former}`
    const noted = `with changed(${columns.join(', ')}) as (${query.sql}), noted as (${note}${isEvent})`
    return [{ ...query, sql: `${noted} select * from changed` }, fields, ...rest]
  }
}
