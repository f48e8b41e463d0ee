#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The same property over REST: writes a value, then reads the last ones.
#     curl/property.sh [VALUE]
set -eu
URL="https://$HOST:$HTTPS_PORT/thngs/$THNG_ID/properties/temperature"

curl -sS --fail-with-body --cacert "$CA_FILE" -H "Authorization: $API_KEY" \
    -X PUT "$URL" -H 'Content-Type: application/json' -d "[{\"value\":${1:-37.2}}]"
echo

curl -sS --fail-with-body --cacert "$CA_FILE" -H "Authorization: $API_KEY" "$URL?perPage=5"
echo
