#!/usr/bin/env bash
# RabbitMQ: one message that is larger than its queue's bound takes everything with it, and is confirmed.
#
# Guess:    a queue with x-max-length-bytes refuses a message that can never fit, or drops that one; x-overflow=
#           reject-publish tells the publisher (basic.nack), whatever the type of the queue.
# Happens:  with drop-head (the default) the broker drops from the front until what is left fits: all that waited, and
#           then the new message, too. It is not returned (it was routed), and it is confirmed: ten messages and the
#           eleventh are gone, and nobody is told. With reject-publish a classic queue refuses it, but a quorum queue
#           takes a message of any size as long as the ones before it were under the bound, and then refuses the next.
# Seen:     RabbitMQ 3.10.8 (Debian 12), pika 1.3.2.
# Homin:    no body is larger than a quarter of a mailbox (shared/bus/port.py, BODY_BYTES and MAILBOX_BODIES); a larger
#           one is refused before it is sent.
# Needs:    the Debian package rabbitmq-server, and Python 3.11 or later.
set -euo pipefail

folder=$(mktemp -d)
pids=()
clean_up() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT

server=/usr/lib/rabbitmq/bin/rabbitmq-server
[[ -x $server ]] || { echo "This needs RabbitMQ: apt-get install rabbitmq-server"; exit 1; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pika==1.3.2

# A broker of its own: ports, data and port mapper in the folder.
read -r amqp dist mapper < <(python3 -c '
import socket
held = [socket.socket() for _ in range(3)]
for each in held: each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in held))')
export HOME=$folder RABBITMQ_NODENAME=finding@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$amqp
export RABBITMQ_DIST_PORT=$dist RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/log
export RABBITMQ_PID_FILE=$folder/pid RABBITMQ_ENABLED_PLUGINS_FILE=$folder/plugins RABBITMQ_CONFIG_FILE=$folder/rabbitmq
export RABBITMQ_ADVANCED_CONFIG_FILE=$folder/advanced RABBITMQ_CONF_ENV_FILE=$folder/env RUNNING_UNDER_SYSTEMD=true
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
export ERL_EPMD_PORT=$mapper ERL_EPMD_ADDRESS=127.0.0.1 LC_ALL=C.UTF-8
echo '[].' > "$folder/plugins"
(cd "$folder" && exec epmd -d -port "$mapper") > "$folder/mapper.log" 2>&1 & pids+=($!)
(cd "$folder" && exec "$server") > "$folder/server.log" 2>&1 & pids+=($!)

cat > "$folder/finding.py" <<'PYTHON'
import sys
import time

import pika

BOUND, WAITING, LARGE = 1_000, 10, 2_000


def connect(port):
    for _ in range(300):
        try:
            return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
        except pika.exceptions.AMQPConnectionError:
            time.sleep(0.2)
    raise SystemExit("RabbitMQ has not started; see its log.")


def trial(connection, kind, overflow):
    """How many messages there are before and after a large one, how that one was answered, and the next small one."""
    channel = connection.channel()
    channel.confirm_delivery()
    arguments = {"x-queue-type": kind, "x-max-length-bytes": BOUND, "x-overflow": overflow}
    queue = channel.queue_declare(f"{kind}.{overflow}", durable=True, arguments=arguments).method.queue

    def publish(size):
        try:
            channel.basic_publish("", queue, b"." * size, mandatory=True)
        except pika.exceptions.NackError:
            return "nack"
        except pika.exceptions.UnroutableError:
            return "returned"
        return "ack"

    def count():
        return channel.queue_declare(queue, passive=True).method.message_count

    small = [publish(50) for _ in range(WAITING)]
    before, large, after = count(), publish(LARGE), count()
    return small == ["ack"] * WAITING, before, large, after, publish(50)


connection = connect(int(sys.argv[1]))
print("RabbitMQ", connection._impl.server_properties["version"], "· pika", pika.__version__)
expected = {
    ("classic", "drop-head"): (True, 10, "ack", 0, "ack"),
    ("quorum", "drop-head"): (True, 10, "ack", 0, "ack"),
    ("classic", "reject-publish"): (True, 10, "nack", 10, "ack"),
    ("quorum", "reject-publish"): (True, 10, "ack", 11, "nack"),
}
seen = {how: trial(connection, *how) for how in expected}
for (kind, overflow), (_, before, large, after, then) in seen.items():
    print(f"{kind} queue, x-max-length-bytes={BOUND}, x-overflow={overflow}: {before} messages of 50 bytes wait; one of {LARGE} bytes:"
          f" {large}, then {after} wait; the next of 50 bytes: {then}")
connection.close()
if seen != expected:
    raise SystemExit("This version behaves otherwise than the head of this script says.")
PYTHON
"$folder/venv/bin/python" "$folder/finding.py" "$amqp"
