// Enqueues a job from Node.js with nothing installed: one XADD, written in the Redis protocol by hand.
//
//   node enqueue.mjs redis://127.0.0.1:6379 emails send-email '{"to": "user@example.com"}'
//
// Any Redis client does the same in one call:  client.xAdd(key, '*', { [task]: payload })
// The format is described in docs/wire-format.md.

import net from 'node:net'

/** The job's reference, such as emails/n1763951707123-0. */
async function enqueue(address, queue, task, payload, level = 'n') {
  const key = `taskq:{default/${queue}}:${level}`
  const entry = await call(address, ['XADD', key, '*', task, JSON.stringify(payload)])
  return `${queue}/${level}${entry}`
}

/** Sends one command and resolves with its reply, which here is a string or an error. */
function call({ host, port, path }, words) {
  const text = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')
  return new Promise((resolve, reject) => {
    const socket = net.connect(path ? { path } : { host, port })
    let reply = ''
    socket.setEncoding('utf8').setTimeout(5000, () => socket.destroy(new Error('no answer within 5 s')))
    socket.on('connect', () => socket.write(`*${words.length}\r\n${text}`))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed the connection')))
    socket.on('data', (chunk) => {
      reply += chunk
      const lines = reply.split('\r\n')
      if (lines.length < 2 || (reply[0] === '$' && lines.length < 3)) return // more is to come
      socket.end()
      if (reply[0] === '-') reject(new Error(lines[0].slice(1)))
      else resolve(reply[0] === '$' ? lines[1] : lines[0].slice(1))
    })
  })
}

const [url, queue, task, json = '{}'] = process.argv.slice(2)
if (!task) {
  console.error('usage: node enqueue.mjs URL QUEUE TASK [JSON]')
  process.exit(2)
}
try {
  const { hostname, port, pathname, protocol } = new URL(url)
  const address = protocol === 'unix:' ? { path: pathname } : { host: hostname, port: Number(port || 6379) }
  console.log(await enqueue(address, queue, task, JSON.parse(json)))
} catch (error) {
  console.error(`enqueue failed: ${error.message}`)
  process.exit(1)
}
