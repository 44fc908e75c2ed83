const browsers: readonly (readonly [string, RegExp])[] = [
  // Each also claims to be the ones below it.
  ['Edge', /Edg\//],
  ['Firefox', /Firefox\//],
  ['Chrome', /Chrome\//],
  ['Safari', /Safari\//],
]

const systems: readonly (readonly [string, RegExp])[] = [
  ['Android', /Android/],
  ['iPhone', /iPhone/],
  ['iPad', /iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
]

/** What a user would call the device, from the `User-Agent` header: `Firefox on Linux`. */
export function deviceOf(userAgent = ''): string {
  const first = (among: typeof browsers) => among.find(([, pattern]) => pattern.test(userAgent))?.[0]
  const system = first(systems)
  const browser = first(browsers) ?? 'Another program'
  return system === undefined ? browser : `${browser} on ${system}`
}
