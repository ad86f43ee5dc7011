#!/bin/sh
# Prints the ACL file for infra/valkey/valkey.conf: one user for the gateway, with a hash of its password.
#
#   infra/valkey/make-users.sh PASSWORD_FILE [USER] [KEY_PREFIX] > users.acl
#
# USER defaults to mosaic, KEY_PREFIX to mosaic: (what the gateway puts before its keys). A password:
# `openssl rand -hex 32`. It is read from a file, so that it is in no process list and no shell history.
set -eu

[ $# -ge 1 ] || { echo "usage: $0 PASSWORD_FILE [USER] [KEY_PREFIX]" >&2; exit 2; }
user=${2:-mosaic}
prefix=${3:-mosaic:}
case $user in *[!A-Za-z0-9_-]* | '') echo 'make-users: USER may have letters, digits, _ and - only' >&2; exit 2 ;; esac
case $prefix in *[!A-Za-z0-9_:.-]* | '') echo 'make-users: KEY_PREFIX may have letters, digits and _:.- only' >&2; exit 2 ;; esac

# A newline at the end of the file is no part of the password.
password=$(cat -- "$1")
[ ${#password} -ge 16 ] || { echo "make-users: the password in $1 needs at least 16 characters" >&2; exit 1; }
hash=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)

echo 'user default off resetpass resetkeys resetchannels -@all'
printf 'user %s on #%s resetkeys ~%s* resetchannels -@all' "$user" "$hash" "$prefix"
# Values, the token bucket's script and what it calls, the transactions of the REST bridge, and INFO for the driver's ready check.
printf ' +%s' get set mget del unlink exists pttl ttl expire pexpire hmget hset time eval evalsha multi exec discard ping info
echo
