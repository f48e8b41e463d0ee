#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Eclipse Paho for Python as a client of the tests:

    paho_python.py sub URL VERSION QOS CLEAN CLIENT_ID TOPIC   prints SUBSCRIBED GRANTED, then
                                                        MESSAGE TOPIC PAYLOAD
    paho_python.py pub URL VERSION QOS RETAIN CLIENT_ID TOPIC  publishes the lines of its input, then ends

The key is in API_KEY, the authority's certificate in CA_FILE. Ends with 1 when refused."""
import os
import signal
import sys
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

role, url, version, qos, flag, client_id, topic = sys.argv[1:]
url = urlsplit(url)
qos = int(qos)
flag = flag == "1"
lines = []
acknowledged = 0
exit_code = 1


def say(text):
    print(text, flush=True)


def on_connect(client, userdata, flags, code):
    if code != 0:
        say(f"refused: {code}")
        client.disconnect()
    elif role == "sub":
        client.subscribe(topic, qos)
    else:
        for line in lines:
            client.publish(topic, line, qos, flag)


def on_subscribe(client, userdata, mid, granted):
    say(f"SUBSCRIBED {granted[0]}")


def on_message(client, userdata, message):
    say(f"MESSAGE {message.topic} {message.payload.decode()}")


def on_publish(client, userdata, mid):
    global acknowledged, exit_code
    acknowledged += 1
    if acknowledged == len(lines):
        exit_code = 0
        client.disconnect()


def on_signal(number, frame):
    global exit_code
    exit_code = 0
    client.disconnect()


if role == "pub":
    lines = [line.rstrip("\n") for line in sys.stdin]
client = mqtt.Client(
    client_id,
    clean_session=role == "pub" or flag,
    protocol={"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311}[version],
)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.on_publish = on_publish
client.max_inflight_messages_set(1000)
client.username_pw_set("authorization", os.environ["API_KEY"])
if url.scheme == "mqtts":
    client.tls_set(os.environ["CA_FILE"])
signal.signal(signal.SIGTERM, on_signal)
client.connect(url.hostname, url.port)
client.loop_forever()
sys.exit(exit_code)
