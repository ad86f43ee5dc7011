#!/bin/sh
# Ends with 0 when Valkey answers the gateway's user.
set -eu
REDISCLI_AUTH=$(cat "${VALKEY_PASSWORD_FILE:-/run/secrets/valkey_password}")
export REDISCLI_AUTH
[ "$(valkey-cli -h 127.0.0.1 -p "${VALKEY_PORT:-6379}" --user mosaic --no-auth-warning ping)" = PONG ]
