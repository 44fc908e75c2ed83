/** The parts of an IAM policy that {@link sessionTablePolicy} fills. */
export interface PolicyDocument {
  readonly Version: '2012-10-17'
  readonly Statement: readonly {
    readonly Sid: string
    readonly Effect: 'Allow'
    readonly Action: readonly string[]
    readonly Resource: string
  }[]
}

/** What a store is configured with that asks for more actions. */
export interface SessionTablePolicyOptions {
  /** As the option of the store. Default `false`. */
  readonly batchWrites?: boolean
}

/**
 * What to allow an app's role on its sessions table, and no more. `Sessions` is for get, set, touch and destroy; leave
 * `Listing` out where nothing calls all, ids, length or clear.
 */
export function sessionTablePolicy(
  tableArn: string,
  { batchWrites = false }: SessionTablePolicyOptions = {},
): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'Sessions',
        Effect: 'Allow',
        Action: [
          'dynamodb:GetItem',
          'dynamodb:BatchGetItem',
          'dynamodb:PutItem',
          'dynamodb:UpdateItem',
          'dynamodb:DeleteItem',
          ...(batchWrites ? ['dynamodb:PartiQLUpdate'] : []),
        ],
        Resource: tableArn,
      },
      {
        Sid: 'Listing',
        Effect: 'Allow',
        Action: ['dynamodb:Scan', 'dynamodb:BatchWriteItem'],
        Resource: tableArn,
      },
    ],
  }
}
