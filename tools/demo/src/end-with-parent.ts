// Preloaded into the app under KMS: it ends with the demo, whatever ended that, also a kill.
process.once('disconnect', () => process.exit())
// Waiting for that must not keep the app alive by itself.
process.channel?.unref()
