"""Pure: what a client owes the wire, without sockets, clock or randomness. Read timers, backoff, room_log, outbox,
requests; then session."""
