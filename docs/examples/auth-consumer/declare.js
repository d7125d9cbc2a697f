// Makes a queue of your own beside Auth's: it gets its own copy of every event, and has its own dead letters.
//
//   npm ci && AMQP_URL=amqp://localhost QUEUE=cinema.subscriptions npm run declare
//
// The exchanges are the portal's (`flask events topology`). Doing it again changes nothing.

import amqp from 'amqplib'

const { AMQP_URL = 'amqp://localhost', QUEUE = 'cinema.subscriptions' } = process.env
const { EXCHANGE = 'billing.events', DEAD_EXCHANGE = 'billing.dead', PATTERN = 'subscription.*' } = process.env

const connection = await amqp.connect(AMQP_URL)
const channel = await connection.createChannel()
const quorum = { 'x-queue-type': 'quorum' } // survives the loss of a node, and counts deliveries
await channel.assertQueue(`${QUEUE}.dead`, { durable: true, arguments: quorum })
await channel.bindQueue(`${QUEUE}.dead`, DEAD_EXCHANGE, QUEUE)
const dead = { 'x-dead-letter-exchange': DEAD_EXCHANGE, 'x-dead-letter-routing-key': QUEUE }
await channel.assertQueue(QUEUE, { durable: true, arguments: { ...quorum, ...dead } })
await channel.bindQueue(QUEUE, EXCHANGE, PATTERN)
await connection.close()
