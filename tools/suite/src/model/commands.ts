import fc from 'fast-check'
import type { Play, Step } from './play.ts'
import type { Fault } from './reference.ts'

type Command = fc.AsyncCommand<Play, Play>

const TABS = 3

const tabs = fc.nat({ max: TABS - 1 })
const servers = fc.nat({ max: 1 })
const keys = fc.constantFrom('a', 'b', 'c')

/** `name` is how a failure shows it. Each can happen at any time, so that none of a sequence is wasted. */
function command(name: string, run: (play: Play) => Promise<void> | void): Command {
  return { check: () => true, run: async (play) => run(play), toString: () => name }
}

const visit = fc
  .tuple(tabs, servers, fc.constantFrom(0, 0, 0, 0, 1, 2))
  .map(([tab, server, age]) => command(`visit(${tab}, ${server}, ${age})`, (play) => play.visit(tab, server, age)))

const change = fc
  .tuple(tabs, keys, fc.constantFrom(false, false, true))
  .map(([tab, key, removes]) => command(`change(${tab}, ${key}, ${removes})`, (play) => play.change(tab, key, removes)))

const signIn = fc
  .tuple(tabs, fc.constantFrom('ada', 'bob'))
  .map(([tab, user]) => command(`signIn(${tab}, ${user})`, (play) => play.signIn(tab, user)))

const step = fc
  .tuple(tabs, fc.constantFrom<Step>(...Array(6).fill('save'), 'finish', 'finish', 'destroy', 'reload', 'regenerate'))
  .map(([tab, next]) => command(`step(${tab}, ${next})`, (play) => play.step(tab, next)))

const racer = fc.record({ key: keys, step: fc.constantFrom<Step>('save', 'save', 'finish', 'destroy') })
const race = fc
  .tuple(
    fc.array(racer, { minLength: TABS, maxLength: TABS }),
    fc.array(fc.nat({ max: 3 }), { minLength: 4, maxLength: 4 }),
  )
  .map(([racers, delays]) =>
    command(`race(${racers.map(({ key, step }) => `${key} ${step}`)}; ${delays} ms)`, async (play) => {
      for (const [tab, { key }] of racers.entries()) await play.change(tab, key, false)
      await play.race(
        racers.map(({ step }) => step),
        delays,
      )
    }),
  )

const fault = fc
  .tuple(servers, fc.constantFrom<Fault>('fail', 'lose', 'late', 'repeat'))
  .map(([server, kind]) => command(`failNext(${server}, ${kind})`, (play) => play.failNext(server, kind)))

const arrive = fc.constant(command('arrive()', (play) => play.arrive()))

const jump = fc
  .tuple(servers, fc.constantFrom(-600, -300, -60, -1, 1, 59, 61, 300, 540, 599, 600))
  .map(([server, seconds]) => command(`jump(${server}, ${seconds})`, (play) => play.jump(server, seconds)))

const pass = fc
  .constantFrom(30, 61, 300, 540, 599, 600)
  .map((seconds) => command(`pass(${seconds})`, (play) => play.pass(seconds)))

/** A visitor who only reads, now and then: stays signed in by it, and not for ever. */
const read = fc
  .tuple(tabs, servers, fc.integer({ min: 1, max: 4 }), fc.constantFrom(300, 530, 545))
  .map(([tab, server, times, seconds]) =>
    command(`read(${tab}, ${server}, ${times} times, ${seconds} s)`, async (play) => {
      for (let time = 0; time < times; time++) {
        await play.visit(tab, server, 0)
        await play.step(tab, 'finish')
        play.pass(seconds)
      }
      await play.visit(tab, server, 0)
    }),
  )

const setUnloaded = servers.map((server) => command(`setUnloaded(${server})`, (play) => play.setUnloaded(server)))

const sweep = servers.map((server) => command(`sweep(${server})`, (play) => play.sweep(server)))

/** What may happen, the ordinary more often than the rest. */
export const commands: fc.Arbitrary<Iterable<Command>> = fc.commands(
  [
    ...[visit, visit, visit, change, change, change, change, signIn, step, step, step, step],
    ...[race, fault, arrive, jump, pass, read, sweep, setUnloaded],
  ],
  { maxCommands: 80, size: 'max' },
)
