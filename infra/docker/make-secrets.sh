#!/bin/sh
# Makes the secrets of a gateway that do not exist yet, each in a file of its own.
#
#   infra/docker/make-secrets.sh [FOLDER]      FOLDER: infra/secrets
#
# FOLDER is for its owner only; the files inside are readable, because containers see a file with the mode it has here
# and each runs as another user. Hosts in the URLs are the services' names in the compose files.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../secrets}
ca=${STEP_CA_SECRETS:-$here/../step-ca}
# Above FOLDER everybody may pass: who is to read a secret is another user than the one who makes it.
umask 022
mkdir -p "$(dirname "$folder")"
umask 077
mkdir -p "$folder"
chmod 0700 "$folder"

# put FILE VALUE: only where there is none.
put() {
  [ ! -s "$1" ] || return 0
  printf '%s\n' "$2" >"$1"
  chmod 0444 "$1"
  echo "made $1" >&2
}
put "$folder/postgres-password" "$(openssl rand -hex 32)"
put "$folder/postgres-peers-password" "$(openssl rand -hex 32)"
put "$folder/postgres-api-password" "$(openssl rand -hex 32)"
put "$folder/valkey-password" "$(openssl rand -hex 32)"
put "$folder/sealing-key" "$(openssl rand -base64 32)"
put "$folder/database-url" "postgres://mosaic_api:$(cat "$folder/postgres-api-password")@postgres:5432/mosaic?sslmode=disable"
put "$folder/database-peers-url" "postgres://mosaic_peers:$(cat "$folder/postgres-peers-password")@postgres:5432/mosaic?sslmode=disable"
put "$folder/database-maintenance-url" "postgres://mosaic:$(cat "$folder/postgres-password")@postgres:5432/mosaic?sslmode=disable"
put "$folder/valkey-url" "valkey://mosaic:$(cat "$folder/valkey-password")@valkey:6379"
put "$ca/dev-password" "$(openssl rand -hex 32)"
put "$ca/dev-provisioner-password" "$(openssl rand -hex 32)"
