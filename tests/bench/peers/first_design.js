// The first design of a chat server: one process, the `ws` library, everything in memory, a token that nobody signed.
//   node first_design.js PORT
const { WebSocketServer } = require('ws')

const rooms = new Map() // name → Set of sockets
const people = new WeakMap() // socket → { name, room }

const handle = {
  auth(socket, frame) {
    const { username } = JSON.parse(Buffer.from(frame.token, 'base64'))
    people.set(socket, { name: username, room: null })
    socket.send(JSON.stringify({ type: 'authed' }))
  },
  join(socket, frame) {
    const person = people.get(socket)
    leave(socket)
    person.room = frame.room
    if (!rooms.has(frame.room)) rooms.set(frame.room, new Set())
    rooms.get(frame.room).add(socket)
    socket.send(JSON.stringify({ type: 'joined', room: frame.room }))
  },
  chat(socket, frame) {
    const { name, room } = people.get(socket)
    const text = JSON.stringify({ type: 'chat', from: name, room, text: frame.text, ts: Date.now() })
    for (const member of rooms.get(room)) member.send(text)
  },
}

function leave(socket) {
  rooms.get(people.get(socket)?.room)?.delete(socket)
}

new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1', perMessageDeflate: false }).on('connection', socket => {
  socket.on('message', data => {
    const frame = JSON.parse(data)
    handle[frame.type]?.(socket, frame)
  })
  socket.on('close', () => leave(socket))
})
