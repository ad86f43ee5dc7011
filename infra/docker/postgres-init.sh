#!/bin/sh
# Runs once, on an empty data folder, inside the image's own first start: a login for the gateway that is no superuser,
# its database, and the extension, which only a superuser may create. Afterwards the superuser has no password, so
# that it can log in over the container's own socket only. The image has read POSTGRES_PASSWORD_FILE into
# POSTGRES_PASSWORD by then, for the time of this script.
set -eu
psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv password POSTGRES_PASSWORD
create role mosaic login createrole password :'password';
create database mosaic owner mosaic;
revoke connect, temporary on database mosaic from public;
\connect mosaic
create extension if not exists vector;
select format('alter role %I password null', current_user) \gexec
SQL
