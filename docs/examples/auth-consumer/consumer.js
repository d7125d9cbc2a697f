// Reads the portal's events and keeps what each user may use. A JSON file stands in for your database.
//
//   npm ci && AMQP_URL=amqp://localhost QUEUE=auth.subscriptions STORE=rights.json npm start
//
// It may be killed at any moment: what was not acknowledged comes again, and what comes again changes nothing.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import amqp from 'amqplib'

const { AMQP_URL = 'amqp://localhost', QUEUE = 'auth.subscriptions', STORE = 'rights.json' } = process.env
const PREFETCH = 50 // messages given to us and not yet acknowledged
const HEARTBEAT = 30 // seconds; a half-open connection is noticed after two of them
const CONNECT_WITHIN = 10_000 // ms
const LONGEST_REST = 30_000 // ms

let users = load() // id -> {version, tokens_from_version, rights}

function load() {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(STORE, 'utf8'))))
  } catch (error) {
    if (error.code === 'ENOENT') return new Map()
    throw error
  }
}

// On disk when it returns, whole or not at all.
function save(next) {
  writeFileSync(`${STORE}.new`, JSON.stringify(Object.fromEntries(next)))
  flush(`${STORE}.new`, 'r+')
  renameSync(`${STORE}.new`, STORE)
  flush(dirname(STORE), 'r')
}

function flush(path, flags) {
  const file = openSync(path, flags)
  fsyncSync(file)
  closeSync(file)
}

// Throws for what cannot be understood, today or at the tenth try.
function read(content) {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(content)
  const { specversion, type, subject, data } = JSON.parse(text)
  const { user_id: id, version, tokens_from_version: tokensFrom, subscriptions } = data ?? {}
  must(specversion === '1.0' && type.startsWith('subscription.'), 'not about a subscription')
  must(typeof id === 'string' && id && (subject ?? id) === id, 'about nobody')
  must(Number.isSafeInteger(version) && version > 0, 'no version')
  must(Number.isSafeInteger(tokensFrom) && tokensFrom >= 0 && tokensFrom <= version, 'no tokens_from_version')
  must(Array.isArray(subscriptions) && subscriptions.every(isRight), 'no list of subscriptions')
  const rights = subscriptions.map(({ plan, features, until }) => ({ plan, features, until }))
  return { id, version, tokensFrom, rights }
}

function must(hold, why) {
  if (!hold) throw new Error(why)
}

function isRight(given) {
  const named = typeof given.plan === 'string' && !Number.isNaN(Date.parse(given.until))
  return named && Array.isArray(given.features) && given.features.every((feature) => typeof feature === 'string')
}

// Rights and the withdrawal of tokens in one write, and only forwards.
function apply({ id, version, tokensFrom, rights }) {
  const known = users.get(id) ?? { version: 0, tokens_from_version: 0 }
  if (version <= known.version) return 'older'
  const tokens_from_version = Math.max(tokensFrom, known.tokens_from_version) // never falls
  const next = new Map(users).set(id, { version, tokens_from_version, rights })
  save(next)
  users = next
  return 'applied'
}

async function handle(channel, message) {
  let event
  try {
    event = read(message.content)
  } catch (error) {
    console.log(`dead letter: ${error.message}`)
    return channel.reject(message, false)
  }
  console.log(await untilStored(event), event.id, event.version)
  channel.ack(message)
}

// A good message stays with us while the store is away: given back again and again it would end as a dead letter.
async function untilStored(event) {
  for (let failures = 0; ; failures++) {
    try {
      return apply(event)
    } catch (error) {
      console.log(`the store is away: ${error.message}`)
      await pause(rest(failures))
    }
  }
}

// Until the connection ends. The queue is declared by the portal, so that its arguments are written in one place.
async function consume(started) {
  const url = new URL(AMQP_URL)
  url.searchParams.set('heartbeat', HEARTBEAT)
  const clientProperties = { connection_name: 'auth consumer in Node.js' }
  const connection = await amqp.connect(url.href, { timeout: CONNECT_WITHIN, clientProperties })
  const ended = new Promise((resolve) => connection.once('close', resolve))
  const end = () => connection.close().catch(() => {})
  connection.on('error', (error) => console.log(`the broker: ${error.message}`))
  try {
    const channel = await connection.createChannel()
    channel.on('error', (error) => console.log(`the broker: ${error.message}`)).once('close', end)
    await channel.prefetch(PREFETCH)
    let work = Promise.resolve() // one after the other, in the order of the queue
    const take = (message) => {
      if (message === null) return end() // the queue was deleted
      work = work.then(() => handle(channel, message)).catch((error) => console.log(`comes again: ${error.message}`))
    }
    await channel.consume(QUEUE, take)
    started()
    await ended
  } finally {
    await end()
  }
}

function rest(failures) {
  return Math.min(LONGEST_REST, 500 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2)
}

for (let failures = 0; ; failures++) {
  try {
    await consume(() => (failures = 0))
  } catch (error) {
    console.log(`no connection: ${error.message}`)
  }
  await pause(rest(failures))
}
