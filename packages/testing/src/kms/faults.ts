/** What goes wrong on demand. */
import { type FakeKmsOperation, KmsFailure } from './protocol.ts'

/**
 * - `throttle`, `access-denied`: the error that KMS answers with.
 * - `server-error`: KMSInternalException with status 500.
 * - `silence`: the request is accepted and never answered.
 * - `cut`: the connection ends without an answer.
 * - `wrong-key-id`: a good answer whose `KeyId` is another key's.
 * - `latencyMilliseconds`: the answer comes that much later.
 * - `errorName`: an error by its name, `ExpiredTokenException` for instance, with status 400.
 */
export type FakeKmsFault =
  | 'throttle'
  | 'access-denied'
  | 'server-error'
  | 'silence'
  | 'cut'
  | 'wrong-key-id'
  | { readonly latencyMilliseconds: number }
  | { readonly errorName: string }

/** Which requests a fault hits; every one by default. */
export interface FaultFilter {
  readonly operation?: FakeKmsOperation
  readonly region?: string
  /** How many requests it hits before it is over; a client's own retries count. Default: until `recover()`. */
  readonly times?: number
}

interface Rule extends FaultFilter {
  readonly fault: FakeKmsFault
  left: number
}

export class Faults {
  #rules: Rule[] = []

  add(fault: FakeKmsFault, filter: FaultFilter): void {
    this.#rules.push({ ...filter, fault, left: filter.times ?? Number.POSITIVE_INFINITY })
  }

  clear(): void {
    this.#rules = []
  }

  /** All faults that hit this request, each counted as having done so. */
  take(operation: FakeKmsOperation, region: string): FakeKmsFault[] {
    const hits = this.#rules.filter(
      (rule) => (rule.operation ?? operation) === operation && (rule.region ?? region) === region,
    )
    for (const rule of hits) rule.left--
    this.#rules = this.#rules.filter(({ left }) => left > 0)
    return hits.map(({ fault }) => fault)
  }
}

/** The error that a fault answers with, if it is of that kind. */
export function failureOf(fault: FakeKmsFault, operation: FakeKmsOperation): KmsFailure | undefined {
  if (typeof fault === 'object') {
    return 'errorName' in fault ? new KmsFailure(fault.errorName, 'An error on demand') : undefined
  }
  switch (fault) {
    case 'throttle':
      return new KmsFailure('ThrottlingException', 'You have exceeded the rate at which you may call KMS.')
    case 'access-denied':
      return new KmsFailure('AccessDeniedException', `The caller is not authorized to perform: kms:${operation}`)
    case 'server-error':
      return new KmsFailure('KMSInternalException', 'An internal error', 500)
    default:
      return undefined
  }
}
