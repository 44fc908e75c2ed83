/** One line of bench/results.json. */
export interface Row {
  readonly name: string
  readonly unit: string
  readonly value: number
  /** The peer's value, measured in the same run; `null` where there is no peer. */
  readonly baseline: number | null
  /** `value / baseline`; for rows whose target is a speed-up, `baseline / value`. */
  readonly ratio: number | null
  /** As the table shows it: `≤ 2` or `≥ 25`. */
  readonly target: string
  readonly ok: boolean
  /** The baseline against itself in the same run: how far from 1 the noise alone goes. */
  readonly control: number | null
}

export type Benchmark = () => Promise<Row[]>

/** A row whose ratio may be at most `limit`. */
export function atMost(limit: number, row: Omit<Row, 'ratio' | 'target' | 'ok'> & { baseline: number }): Row {
  const ratio = row.value / row.baseline
  return { ...row, ratio, target: `≤ ${limit}`, ok: ratio <= limit }
}

/** A row whose ratio must be at least `limit`. */
export function atLeast(limit: number, row: Omit<Row, 'ratio' | 'target' | 'ok'> & { baseline: number }): Row {
  const ratio = row.value / row.baseline
  return { ...row, ratio, target: `≥ ${limit}`, ok: ratio >= limit }
}

/** A row that must be at least `limit` times faster than its baseline. */
export function timesFaster(limit: number, row: Omit<Row, 'ratio' | 'target' | 'ok'> & { baseline: number }): Row {
  const ratio = row.baseline / row.value
  return { ...row, ratio, target: `≥ ${limit}`, ok: ratio >= limit }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]]
  if (low === undefined || high === undefined) throw new Error('no values')
  return (low + high) / 2
}

export function printRows(rows: readonly Row[]): void {
  const show = (value: number | null) => {
    if (value === null) return ''
    return value > 0 && value < 0.01 ? value.toPrecision(2) : value.toFixed(value < 10 ? 3 : 1)
  }
  console.table(
    Object.fromEntries(
      rows.map(({ name, unit, value, baseline, ratio, control, target, ok }) => [
        name,
        { unit, value: show(value), baseline: show(baseline), control: show(control), ratio: show(ratio), target, ok },
      ]),
    ),
  )
}
