#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Eclipse Paho for Python, with a listener for each topic: all actions of the account, and one
property of a thng, on which a value is published."""
import json
import os
import random
import time

import paho.mqtt.client as mqtt

HOST = os.environ.get("HOST", "localhost")
MQTTS_PORT = int(os.environ.get("MQTTS_PORT", "8883"))
API_KEY = os.environ["API_KEY"]
THNG_ID = os.environ["THNG_ID"]
PROPERTY_KEY = "temperature_celsius"
PROPERTY = f"/thngs/{THNG_ID}/properties/{PROPERTY_KEY}"


def on_action(client, userdata, message):
    action = json.loads(message.payload)
    print(f"Action: {action['type']} {action['id']}", flush=True)


def on_property(client, userdata, message):
    for update in json.loads(message.payload):
        print(f"Property update: {update['key']} is {update['value']}", flush=True)


def on_connect(client, userdata, flags, code):
    if code != 0:
        print(mqtt.connack_string(code), flush=True)
        client.disconnect()
        return
    client.subscribe([("/actions/all", 1), (PROPERTY, 1)])


def on_subscribe(client, userdata, mid, granted):
    print("Subscribed", flush=True)
    payload = [{"value": random.randrange(10000), "timestamp": int(time.time() * 1000)}]
    client.publish(PROPERTY, json.dumps(payload), qos=1)


client = mqtt.Client()
client.username_pw_set("authorization", API_KEY)
client.tls_set(os.environ.get("CA_FILE", "ca.pem"))
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.message_callback_add("/actions/all", on_action)
client.message_callback_add(PROPERTY, on_property)
client.connect(HOST, MQTTS_PORT)
client.loop_forever()
