#!/bin/sh
# Runs once, on an empty data folder, inside the image's own first start: the gateway's database with its three logins, none of
# which is a superuser (docs/reference/database-roles.md), and the extension, which only a superuser may create. Afterwards the superuser has
# no password, so that it can log in over the container's own socket only. The image has read POSTGRES_PASSWORD_FILE into
# POSTGRES_PASSWORD by then, for the time of this script: it is the password of the login for maintenance.
set -eu
as_superuser() { psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"; }
as_superuser --dbname postgres <<'SQL'
create database mosaic;
revoke connect on database mosaic from public;
SQL
# Made by `mosaic database setup-sql`.
as_superuser --dbname mosaic --file "${POSTGRES_SETUP:-/etc/mosaic/postgres-setup.sql}"
: "${PEERS_PASSWORD:=$(cat /run/secrets/postgres_peers_password)}"
: "${API_PASSWORD:=$(cat /run/secrets/postgres_api_password)}"
export PEERS_PASSWORD API_PASSWORD
as_superuser --dbname mosaic <<'SQL'
\getenv maintenance POSTGRES_PASSWORD
\getenv peers PEERS_PASSWORD
\getenv api API_PASSWORD
alter role mosaic password :'maintenance';
alter role mosaic_peers password :'peers';
alter role mosaic_api password :'api';
select format('alter role %I password null', current_user) \gexec
SQL
