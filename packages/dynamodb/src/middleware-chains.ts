import type { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'

type Resolve = (GetItemCommand | PutItemCommand)['resolveMiddleware']
type Options = Parameters<Resolve>[2]
type Middleware = Parameters<GetItemCommand['middlewareStack']['add']>[0]

/** What commands have in common here; each has its own types of stack, configuration and output. */
interface Resolvable {
  readonly middlewareStack: { add(middleware: never, options: { step: 'initialize' }): void }
  resolveMiddleware(stack: never, configuration: never, options?: Options): (args: never) => Promise<unknown>
}

interface Chain {
  /** Bound into the chain when it is built, so the signal of each call is put in here. */
  readonly options: NonNullable<Options>
  readonly run: (args: never) => Promise<unknown>
  uses: number
}

/**
 * How often one chain is used. Some middleware adds to the context of its chain, which must not grow for ever, and what
 * an app adds to its client later must take effect.
 */
const MOST_USES = 100

/**
 * Chains of the client's middleware for one kind of command, lent to one call at a time. The SDK builds the chain anew
 * for each call, which is a tenth of its CPU time; its own `cacheMiddleware` is off as soon as a call has a signal.
 */
export class MiddlewareChains {
  readonly #idle: Chain[] = []

  /** The command, which when sent takes an idle chain instead of building one. To be sent by one client alone. */
  lendTo<C extends Resolvable>(command: C): C {
    const idle = this.#idle
    const build: C['resolveMiddleware'] = command.resolveMiddleware.bind(command)
    command.resolveMiddleware = (stack: never, configuration: never, callOptions?: Options) => {
      const chain = idle.pop() ?? newChain(command, (options) => build(stack, configuration, options))
      chain.options.abortSignal = callOptions?.abortSignal
      return async (args: never) => {
        try {
          return await chain.run(args)
        } finally {
          chain.uses += 1
          if (chain.uses < MOST_USES) idle.push(chain)
        }
      }
    }
    return command
  }
}

function newChain(command: Resolvable, build: (options: NonNullable<Options>) => Chain['run']): Chain {
  const options: NonNullable<Options> = {}
  command.middlewareStack.add(withoutIdleLogger as never, { step: 'initialize' })
  return { options, run: build(options), uses: 0 }
}

/** The SDK copies whatever it would log also for the logger that drops everything, a tenth of the CPU time of a batch. */
const withoutIdleLogger: Middleware = (next, context) => {
  if (context.logger?.constructor.name === 'NoOpLogger') delete context.logger
  return next
}
