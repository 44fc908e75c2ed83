import type { Options } from 'tsup'

/** How every package is built: ESM, CommonJS and types of both. */
export const build: Options = {
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  // Without splitting, CJS entries would each carry their own copy of the error classes.
  splitting: true,
  sourcemap: true,
  clean: true,
  dts: { compilerOptions: { ignoreDeprecations: '6.0', composite: false } },
}
