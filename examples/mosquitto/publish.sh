#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A temperature of a thng, or another message on another topic:
#     mosquitto/publish.sh [PAYLOAD [TOPIC]]
DEFAULT='[{"value":37.2}]'
PAYLOAD="${1:-$DEFAULT}"
TOPIC="${2:-/thngs/$THNG_ID/properties/temperature}"

exec mosquitto_pub -h "$HOST" -p "$MQTTS_PORT" --cafile "$CA_FILE" \
    -u authorization -P "$API_KEY" \
    -q 1 -t "$TOPIC" -m "$PAYLOAD"
