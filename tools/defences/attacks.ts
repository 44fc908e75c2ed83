/** An attack, and what of it nothing withstands yet, with the reason. */
interface Attack {
  readonly title: string
  readonly notYet?: string
}

/** What Waxseal must withstand. Every number has defences in the list, or says why there are none yet. */
export const attacks: Readonly<Record<number, Attack>> = {
  1: { title: 'records swapped between rows, tenants, tables and purposes' },
  2: { title: 'one ciphertext that opens under two keys' },
  3: { title: 'a partitioning oracle on passphrases' },
  4: { title: 'shortened GCM tags' },
  5: { title: 'truncation, and chunks reordered, repeated or dropped' },
  6: { title: 'a salt used twice' },
  7: { title: 'a data key used beyond its limit' },
  8: { title: 'a stampede on the key service' },
  9: { title: 'a key service call per record' },
  10: { title: 'revocation hidden by caches, and outages that look like revocation' },
  11: { title: 'confused caches' },
  12: { title: 'downgrade, and a stolen partition key as a session id' },
  13: { title: "a data key wrapped under the attacker's own KMS key" },
  14: { title: 'wrapped-key bombs' },
  15: { title: 'altered and hostile bytes' },
  16: { title: 'lenient base64' },
  17: { title: 'contexts that look alike' },
  18: { title: 'a scrypt cost bomb' },
  19: { title: 'guessing through a blind index' },
  20: { title: 'secrets in errors, logs and memory' },
  21: { title: 'session fixation, ghosts, and expiry that is moved' },
  22: {
    title: 'plaintext lengths that tell',
    notYet: 'there is neither padding nor compression, and records with such flags are refused',
  },
  23: { title: 'a crash at any step of rotation, upgrade or refresh' },
  24: { title: 'refresh storms' },
  25: { title: 'database faults' },
  26: { title: 'injection through names and ids' },
  27: { title: 'logins that keep data, saves that race, slow clients' },
  28: { title: "vault calls inside a caller's transaction" },
}
