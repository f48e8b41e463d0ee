#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The property as a stream: its last value, then each new one, until it is interrupted.
#     curl/stream.sh
set -eu
URL="https://$HOST:$HTTPS_PORT/thngs/$THNG_ID/properties/temperature"

exec curl -sSN --fail-with-body --cacert "$CA_FILE" -H "Authorization: $API_KEY" \
    -H 'Accept: text/event-stream' "$URL?pubStates=1"
