// What the process that holds data keys and the test that looks into its memory agree on.
export const encryptionContext = { app: 'shop', purpose: 'session' }
export const place = { table: 'sessions', key: 'k1' }
