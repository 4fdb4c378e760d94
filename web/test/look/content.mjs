/** A team's conversation, to look at the page with. Times count back from now, in minutes. */
export const me = { id: "u-olena", name: "Олена Кравець" }
const taras = { id: "u-taras", name: "Тарас" }
const maria = { id: "u-maria", name: "Марія Гнатюк" }
const andrii = { id: "u-andrii", name: "Андрій" }
const iryna = { id: "u-iryna", name: "Ірина Шевчук" }
const sam = { id: "u-sam", name: "Sam Whitfield" }
export const people = [me, taras, maria, andrii, iryna, sam]

/** `shape`: its width and height. `told`: whether the message says them. */
export const picture = (name, shape, told = true) => ({ name, size: 482_113, mime: "image/png", shape, told })

const DAY = 24 * 60
export const rooms = {
  розробка: {
    readUpTo: 13,
    talk: [
      [DAY + 65, taras, "Доброго дня! Шлюз витримав ніч під навантаженням: 25 тисяч з'єднань, жодного обриву."],
      [DAY + 64, taras, "Пам'яті 180 МБ, це 7 КіБ на з'єднання. Графік додам увечері."],
      [DAY + 60, maria, "Гарно. А що з повільними клієнтами? Минулого разу вони тягнули за собою всю кімнату."],
      [DAY + 58, taras, "Тепер кожен має свій буфер. Хто не встигає, того закриваємо з кодом `4002`, і він надолужує через `join` з `after`."],
      [DAY + 57, taras, { file: picture("навантаження-ніч.png", [720, 480]) }],
      [DAY + 41, andrii, "Перевірив на телефоні в метро: зв'язок зникав разів десять, усе дійшло й по одному разу 👌"],
      [52, iryna, "Доброго ранку всім. Лишаю чернетку умов для замовника, погляньте до обіду, будь ласка."],
      [52, iryna, { file: { name: "Умови підтримки, редакція 3.pdf", size: 1_284_000, mime: "application/pdf" } }],
      [47, me, "Дякую! Прочитала до середини. Розділ 4 треба скоротити вдвічі: там тричі сказано те саме про резервні копії."],
      [46, me, "І ще: «не пізніше чотирьох годин» краще замінити на «протягом робочого дня», бо вночі нас двоє."],
      [38, iryna, "Згодна з обома, виправлю."],
      [24, sam, "Morning! The staging box is on the new build. Release notes: https://git.example.org/homin/releases/0.4 (tests are green)."],
      [23, sam, "If anyone sees a double message, please send me the room and the time."],
      [9, taras, "@Олена Кравець глянь, будь ласка, на запит до бази. Планувальник раптом сканує всю таблицю:", { mentions: [me.id] }],
      [9, taras, "```sql\nSELECT m.* FROM rooms r\nCROSS JOIN LATERAL (\n  SELECT * FROM messages WHERE room_id = r.id ORDER BY seq DESC LIMIT 1\n) m;\n```"],
      [4, maria, "У мене так само було з `JOIN unnest(…)`. З `CROSS JOIN LATERAL` він тримається індексу, p50 впав з 12 мс до 0,3."],
    ],
  },
  дизайн: {
    readUpTo: 1,
    talk: [
      [130, maria, "Макети для телефона готові, чекаю на зауваження"],
      [18, andrii, "Шухляда відкривається трохи повільно, решта чудово"],
      [12, maria, "Зробила 160 мс, подивись тепер"],
      [11, andrii, "О, зовсім інша річ"],
    ],
  },
  "support-night": {
    readUpTo: 2,
    talk: [
      [600, sam, "Quiet night, two tickets, both answered."],
      [598, sam, "Handing over to Kyiv."],
    ],
  },
  кухня: { readUpTo: 3, talk: [[DAY * 2, andrii, "Хто сьогодні по каву?"], [DAY * 2 - 4, iryna, "Я! Кому що?"], [DAY * 2 - 6, me, "Мені фільтр, дякую"]] },
  "ops.alerts": { readUpTo: 30, talk: Array.from({ length: 140 }, (_, i) => [900 - i * 6, sam, `gateway-${i % 3}: p99 ${40 + ((i * 37) % 60)} ms, queue depth ${(i * 13) % 90}`]) },
  бухгалтерія: { readUpTo: 1, talk: [[DAY * 5, iryna, "Акти за жовтень підписано."]] },
}

/** Rooms of some, in which the person is an owner, a moderator, a member, or one of two. */
export const some = {
  "~budget": {
    readUpTo: 2,
    set: { title: "Бюджет", topic: "Цифри на наступний рік; остаточні — до п'ятниці" },
    members: [[me, "owner"], [taras, "moderator"], [maria, "member"], [iryna, "member"]],
    talk: [[50, taras, "Скільки лишилося на сервери?"], [45, me, "Рівно стільки, скільки просили."], [8, maria, "Тоді беремо два."]],
  },
  "~crew": {
    readUpTo: 1,
    set: { title: "Launch crew", topic: "", posting: "moderators" },
    members: [[sam, "owner"], [me, "member"], [andrii, "member"]],
    talk: [[300, sam, "Freeze on Thursday, launch on Monday."]],
  },
  "~old": {
    readUpTo: 1,
    set: { title: "Переїзд офісу", archived: true },
    members: [[me, "moderator"], [iryna, "owner"]],
    talk: [[DAY * 90, iryna, "Ключі здано."]],
  },
  "~d.taras": { readUpTo: 1, members: [[me, "member"], [taras, "member"]], talk: [[70, taras, "Маєш хвилинку?"], [3, taras, "Уже не треба, розібрався"]] },
  "~d.three": { readUpTo: 2, members: [[me, "member"], [maria, "member"], [sam, "member"]], talk: [[DAY, sam, "Lunch at one?"], [DAY - 2, maria, "Так"]] },
  "~d.notes": { readUpTo: 1, members: [[me, "member"]], talk: [[DAY * 3, me, "купити каву"]] },
}

/** A room of pictures of every shape, for scenes that are about them. */
export const album = {
  readUpTo: 8,
  talk: [
    [DAY * 3, maria, "Піктограма, панорама, знімок з телефона, світлини:"],
    ...[[32, 32], [2400, 400], [390, 844], [3000, 2000], [300, 400], [4000, 20]].map((shape, i) => [DAY * 3 - 1 - i, maria, { file: picture(`${shape.join("×")}.png`, shape) }]),
    [DAY * 3 - 9, maria, { file: picture("з минулої версії.png", [390, 844], false) }],
  ],
}

/** A room of messages that were answered, edited, deleted, pinned and reacted to, for scenes that are about that. */
export const changed = {
  readUpTo: 12,
  talk: [
    [52, taras, "Пропоную випускати нову версію в четвер уранці: тоді всі на місці, і до п'ятниці є запас.", { pinned: true, reactions: [["👍", maria, me, andrii], ["🎉", iryna]] }],
    [50, maria, "Четвер годиться. Хто стежить за метриками?", { reply_to: 1 }],
    [48, me, "Я можу, з дев'ятої до обіду.", { reply_to: 2, edited: 47, reactions: [["❤", maria, taras], ["🙏", maria]] }],
    [47, me, "Журнал після міграції лишу ось тут, щоб не загубився: файл на диску, тека «випуски», усередині за датою, а поруч короткий список того, що перевірити руками до і після оновлення.", { edited: 20 }],
    [44, sam, null],
    [43, sam, "Sorry, wrong room. I meant: the staging box is ready for the rehearsal."],
    [40, sam, { file: { name: "release-checklist.pdf", size: 184_000, mime: "application/pdf" } }, { reactions: [["👀", me, taras], ["✅", andrii, maria, iryna, taras], ["🔥", sam]] }],
    [30, iryna, "Дякую, Sam!", { reply_to: 7 }],
    [21, me, null],
    [18, andrii, "А що скажете про список змін для людей? Можу написати.", { reply_to: 5 }],
    [9, maria, "@Олена Кравець поглянь, будь ласка, на перший пункт", { reactions: [["👍", me]], mentions: [me.id] }],
    [3, me, "Дивлюся", { pinned: true }],
  ],
}

/** A room in which people also talk in threads, for scenes that are about that. */
export const threaded = {
  readUpTo: 14,
  talk: [
    [DAY + 30, sam, "Rehearsal of the release: Thursday, ten o'clock, staging. Questions under this message, please, so that the room stays readable."],
    [DAY + 24, maria, "Скільки часу закладаємо на повернення до старої версії?", { thread: 1 }],
    [DAY + 20, sam, "Fifteen minutes. The old build stays on the second disk until Monday.", { thread: 1 }],
    [DAY + 19, me, "Тоді я перевірю, що список кроків вміщається в ці п'ятнадцять.", { thread: 1, edited: DAY + 18, reactions: [["👍", sam, maria]] }],
    [DAY + 12, taras, "Графік навантаження за ніч, коротко: нічого не впало."],
    [62, iryna, "Замовник просить показати нову стрічку до п'ятниці. Хто може?"],
    [58, andrii, "Можу я, але без звітів: вони ще не готові.", { thread: 6 }],
    [57, iryna, "Звіти він і не просив.", { thread: 6, reply_to: 7 }],
    [55, maria, "Тоді по обіді в мене: дзвінок на 15:00, надішлю запрошення обом.", { thread: 6 }],
    [48, me, "Лишаю тут чернетку листа, погляньте, хто має хвилину."],
    [31, taras, "Прочитав, усе гаразд. Лише в другому абзаці «наступний тиждень» уже цей.", { thread: 10 }],
    [20, andrii, null, { thread: 6 }],
    [18, andrii, "Показ готовий. Посилання в запрошенні.", { thread: 6 }],
    [12, sam, "Coffee machine is fixed, by the way."],
    [6, iryna, "@Олена Кравець лист можна надсилати?", { thread: 10, mentions: [me.id] }],
    [2, maria, "Запрошення надіслала, перевірте календар."],
  ],
}

/** A room in which people name each other, for scenes that are about that. */
export const naming = {
  readUpTo: 4,
  talk: [
    [64, iryna, "Хто завтра на зустрічі із замовником?"],
    [60, andrii, "Я буду. @Марія Гнатюк і @Тарас теж збиралися.", { mentions: [maria.id, taras.id] }],
    [58, maria, "@Андрій так, о десятій.", { mentions: [andrii.id] }],
    [50, me, "Тоді @Ірина Шевчук, додай нас чотирьох, будь ласка. (@Sam Whitfield — дивіться пошту.)", { mentions: [iryna.id, sam.id] }],
    [12, taras, "@Олена Кравець а ти? @Марія Гнатюк каже, що без тебе не почнуть.", { mentions: [me.id, maria.id] }],
    [8, sam, "@Марія Гнатюк thanks, will do."],
    [4, maria, "Чекаємо на @Олена Кравець: `@Олена` у коді нікого не кличе.", { mentions: [me.id] }],
  ],
}

const reactionsOf = (reactions) => reactions.map(([emoji, ...users]) => ({ emoji, users: users.map(({ id }) => id) }))
const extrasOf = ({ edited, reactions, ...rest }, now) => ({
  ...rest,
  ...(edited !== undefined && { edited_at: new Date(now - edited * 60_000).toISOString() }),
  ...(reactions && { reactions: reactionsOf(reactions) }),
})

/** The messages of a room as the wire has them; what was said is null where it was deleted. */
export const messagesOf = (room, talk, now = Date.now()) => {
  const messages = bareMessagesOf(room, talk, now)
  for (const message of messages) if (message.thread) count(messages[message.thread - 1], message)
  return messages
}

/** The message `root` counts one that stands under it. */
export const count = (root, { seq, at }) => {
  root.replies = { count: (root.replies?.count ?? 0) + 1, last_seq: seq, last_at: at }
}

const bareMessagesOf = (room, talk, now) =>
  talk.map(([ago, from, said, extras = {}], i) => ({
    type: "message",
    room,
    seq: i + 1,
    id: `m${i + 1}`,
    kind: said === null ? "deleted" : typeof said === "string" ? "chat" : "file",
    from,
    at: new Date(now - ago * 60_000).toISOString(),
    ...extrasOf(extras, now),
    ...(said === null ? {} : typeof said === "string" ? { text: said } : { file: fileOf(said.file, `${room}-${i}`) }),
  }))

export const fileOf = ({ name, size, mime, shape, told }, id) => ({
  id,
  name,
  size,
  mime,
  url: `/api/files/${encodeURIComponent(id)}${shape ? `?shape=${shape.join("x")}` : ""}`,
  ...(told && { width: shape[0], height: shape[1] }),
})
