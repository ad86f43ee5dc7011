#!/bin/sh
# Makes the list of users from the password's file, in memory, and becomes valkey-server.
set -eu
umask 077
password_file=${VALKEY_PASSWORD_FILE:-/run/secrets/valkey_password}
users=${VALKEY_USERS_FILE:-/run/valkey/users.acl}
sh "${MAKE_USERS:-/etc/mosaic/make-users.sh}" "$password_file" >"$users"
# The published port is bound to the container's own network; protected mode would refuse even that.
exec valkey-server "${VALKEY_CONFIG:-/etc/mosaic/valkey.conf}" \
  --aclfile "$users" --bind "${VALKEY_BIND:-0.0.0.0}" --port "${VALKEY_PORT:-6379}" --protected-mode no
