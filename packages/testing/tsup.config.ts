import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', 'kms/index': 'src/kms/index.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  // Without splitting, CJS entries would each carry their own copy of the error classes.
  splitting: true,
  sourcemap: true,
  clean: true,
  dts: { compilerOptions: { ignoreDeprecations: '6.0', composite: false } },
})
