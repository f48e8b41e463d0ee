#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The temperature of a thng, beginning with the last value (?pubStates=1), or another topic:
#     mosquitto/subscribe.sh [TOPIC]
TOPIC="${1:-/thngs/$THNG_ID/properties/temperature?pubStates=1}"

exec mosquitto_sub -h "$HOST" -p "$MQTTS_PORT" --cafile "$CA_FILE" \
    -u authorization -P "$API_KEY" \
    -q 1 -t "$TOPIC"
