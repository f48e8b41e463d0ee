# SPDX-License-Identifier: Apache-2.0
#
# What the examples need to know, exported. To be read into a shell, not run:
#     . ./env.sh
# What is set already stays as it is; the rest is for a thrumd on this machine with its defaults.
export HOST="${HOST:-localhost}"
export HTTP_PORT="${HTTP_PORT:-8080}"
export HTTPS_PORT="${HTTPS_PORT:-8443}"
export MQTTS_PORT="${MQTTS_PORT:-8883}"
export API_KEY="${API_KEY:-$(cat "${DATA:-../thrum-data}/operator.key")}"

# The certificate of the broker's authority. It is public; trust the answer as far as you trust the
# way to the host. Node.js takes a further authority from its environment.
export CA_FILE="${CA_FILE:-$PWD/ca.pem}"
[ -s "$CA_FILE" ] || curl -sS --fail "http://$HOST:$HTTP_PORT/ca.pem" -o "$CA_FILE"
export NODE_EXTRA_CA_CERTS="$CA_FILE"

# A thng to play with.
if [ -z "${THNG_ID:-}" ]; then
    THNG_ID=$(curl -sS --cacert "$CA_FILE" "https://$HOST:$HTTPS_PORT/thngs" \
        -H "Authorization: $API_KEY" -H 'Content-Type: application/json' \
        -d '{"name":"My first thng"}' | sed 's/.*"id":"\([^"]*\)".*/\1/')
fi
export THNG_ID
echo "thng ${THNG_ID:-: none was made; is the broker at $HOST?}"
