import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', 'aws-kms/index': 'src/aws-kms/index.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  // Without splitting, CJS entries would each carry their own copy of the error classes.
  splitting: true,
  sourcemap: true,
  clean: true,
  dts: { compilerOptions: { ignoreDeprecations: '6.0', composite: false } },
})
