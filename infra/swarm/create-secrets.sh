#!/bin/sh
# Makes the stack's secrets in the swarm. Run on a manager, once, before the first deployment:
#
#   STACK_NAME=mosaic POSTGRES_PASSWORD="$(openssl rand -hex 32)" infra/swarm/create-secrets.sh
#
# POSTGRES_PASSWORD becomes part of a URL: letters and digits only. The other secrets are random; write the sealing
# key down first if you want it in your own safe (MOSAIC_SEALING_KEY), since the swarm never shows a secret again.
set -eu

: "${STACK_NAME:?the name you will give to docker stack deploy}"
: "${POSTGRES_PASSWORD:?at least 16 letters and digits: openssl rand -hex 32}"
case $POSTGRES_PASSWORD in *[!A-Za-z0-9]*) echo 'create-secrets: POSTGRES_PASSWORD may have letters and digits only' >&2; exit 2 ;; esac
[ ${#POSTGRES_PASSWORD} -ge 16 ] || { echo 'create-secrets: POSTGRES_PASSWORD needs at least 16 characters' >&2; exit 2; }

# make NAME VALUE: through standard input, so that no secret stands in a list of processes.
make() { printf %s "$2" | docker secret create "${STACK_NAME}_$1" - >/dev/null && echo "made ${STACK_NAME}_$1" >&2; }

valkey_password=$(openssl rand -hex 32)
peers_password=$(openssl rand -hex 32)
api_password=$(openssl rand -hex 32)
make postgres_password "$POSTGRES_PASSWORD"
# Of the login for maintenance; those that serve get passwords of their own.
make database_maintenance_url "postgres://mosaic:$POSTGRES_PASSWORD@postgres:5432/mosaic?sslmode=disable"
make postgres_peers_password "$peers_password"
make database_peers_url "postgres://mosaic_peers:$peers_password@postgres:5432/mosaic?sslmode=disable"
make postgres_api_password "$api_password"
make database_url "postgres://mosaic_api:$api_password@postgres:5432/mosaic?sslmode=disable"
make valkey_password "$valkey_password"
make valkey_url "valkey://mosaic:$valkey_password@valkey:6379"
make sealing_key "${MOSAIC_SEALING_KEY:-$(openssl rand -base64 32)}"
make step_ca_password "$(openssl rand -hex 32)"
make step_ca_provisioner_password "$(openssl rand -hex 32)"
