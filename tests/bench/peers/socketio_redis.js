// Socket.IO with its Redis adapter: what a Node team deploys to span several processes.
//   node socketio_redis.js PORT REDIS_URL
const { Server } = require('socket.io')
const { createAdapter } = require('@socket.io/redis-adapter')
const { createClient } = require('redis')

async function main(port, redis) {
  const publisher = createClient({ url: redis })
  const subscriber = publisher.duplicate()
  await Promise.all([publisher.connect(), subscriber.connect()])
  const server = new Server(port, { adapter: createAdapter(publisher, subscriber), transports: ['websocket'], perMessageDeflate: false })
  server.on('connection', socket => {
    socket.on('join', frame => {
      socket.data.user = frame.user
      socket.join(frame.room)
      socket.emit('joined', { room: frame.room })
    })
    socket.on('chat', ({ room, text }) => server.to(room).emit('chat', { from: socket.data.user, room, text, ts: Date.now() }))
  })
}

main(Number(process.argv[2]), process.argv[3])
