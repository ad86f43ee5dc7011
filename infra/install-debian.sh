#!/usr/bin/env bash
# Installs the real components on Debian 12: PostgreSQL with pgvector, Valkey, nginx with njs and stream, step-ca and step; and the loader of
# Docker Compose, which judges compose files without an engine.
#
#   infra/install-debian.sh            install what is missing (root)
#   infra/install-debian.sh --check    say what is missing, change nothing; exit 1 when something is
#
# Idempotent. What is built is kept outside the checkout, keyed by version, in
# ${MOSAIC_CACHE_DIR:-${XDG_CACHE_HOME:-~/.cache}/mosaic-federation}. No service is started and no
# system-wide package source is added: extra suites are used through a private list that lives in that cache.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
. "$here/versions.env"
cache=${MOSAIC_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mosaic-federation}
bin=$cache/bin
pg_lib=/usr/lib/postgresql/$POSTGRES_MAJOR

say() { printf 'install: %s\n' "$*" >&2; }
have_pgvector() { [ -f "/usr/share/postgresql/$POSTGRES_MAJOR/extension/vector.control" ]; }

missing() {
  [ -x "$pg_lib/bin/initdb" ] || echo postgresql
  have_pgvector || echo pgvector
  command -v valkey-server >/dev/null || echo valkey
  command -v nginx >/dev/null || echo nginx
  [ -f /usr/lib/nginx/modules/ngx_http_js_module.so ] || echo nginx-njs
  [ -f /usr/lib/nginx/modules/ngx_stream_module.so ] || echo nginx-stream
  command -v openssl >/dev/null || echo openssl
  command -v curl >/dev/null || echo curl
  [ -x "$bin/step-ca-$STEP_CA_VERSION" ] || echo step-ca
  [ -x "$bin/step-$STEP_CLI_VERSION" ] || echo step
  [ -x "$bin/compose-spec-$COMPOSE_SPEC_VERSION" ] || echo compose-spec
}

todo=$(missing)
if [ "${1:-}" = --check ]; then
  [ -z "$todo" ] || { say "missing: $(echo $todo)"; exit 1; }
  exit 0
fi
[ -z "$todo" ] && exit 0
say "missing: $(echo $todo)"
[ "$(id -u)" = 0 ] || { say "needs root to install packages; run as root, or install by hand: $(echo $todo)"; exit 1; }
. /etc/os-release
[ "${VERSION_CODENAME:-}" = bookworm ] || { say "knows Debian 12 (bookworm) only; install by hand: $(echo $todo)"; exit 1; }

mkdir -p "$bin" "$cache/apt"
exec 9>"$cache/install.lock"
flock 9
todo=$(missing)
[ -z "$todo" ] && exit 0

wants() { grep -qx "$1" <<<"$todo"; }
export DEBIAN_FRONTEND=noninteractive

# The mirror this machine already uses, so that a private list needs no host of its own.
mirror=$(sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb (\[[^]]*\] )?([^ ]+).*/\2/p' \
  /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | grep -v security | head -n 1 || true)
[ -n "$mirror" ] || { say 'no Debian mirror is configured in apt'; exit 1; }

# Packages must not start services on this machine.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  made_policy=1
fi
trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT

# install_from SUITE PACKAGE…: from an extra suite, through a list of our own.
install_from() {
  local suite=$1
  shift
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s bookworm main\ndeb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
    "$mirror" "$mirror" "$suite" >"$cache/apt/$suite.list"
  local options=(-o "Dir::Etc::sourcelist=$cache/apt/$suite.list" -o 'Dir::Etc::sourceparts=-' -o 'APT::Get::List-Cleanup=0')
  apt-get "${options[@]}" -q update >&2
  apt-get "${options[@]}" -q install -y --no-install-recommends -t "$suite" "$@" >&2
}

packages=()
wants postgresql && packages+=("postgresql-$POSTGRES_MAJOR")
wants nginx && packages+=(nginx-light)
wants nginx-njs && packages+=(libnginx-mod-http-js)
wants nginx-stream && packages+=(libnginx-mod-stream)
wants openssl && packages+=(openssl)
wants curl && packages+=(curl)
if wants pgvector; then packages+=("postgresql-server-dev-$POSTGRES_MAJOR" build-essential dpkg-dev); fi
if [ ${#packages[@]} -gt 0 ]; then
  say "apt-get install ${packages[*]}"
  apt-get -q update >&2
  apt-get -q install -y --no-install-recommends "${packages[@]}" >&2
fi

if wants valkey; then
  say "valkey-server from $VALKEY_SUITE"
  install_from "$VALKEY_SUITE" valkey-server
fi

if wants pgvector; then
  say "pgvector from Debian's source package ($PGVECTOR_SUITE)"
  build=$cache/pgvector-pg$POSTGRES_MAJOR
  rm -rf "$build"
  mkdir -p "$build"
  printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$PGVECTOR_SUITE" >"$cache/apt/pgvector.list"
  options=(-o "Dir::Etc::sourcelist=$cache/apt/pgvector.list" -o 'Dir::Etc::sourceparts=-' -o 'APT::Get::List-Cleanup=0')
  apt-get "${options[@]}" -q update >&2
  (cd "$build" && chmod 777 . && apt-get "${options[@]}" -q source pgvector >&2)
  (cd "$build"/pgvector-*/ && make -s OPTFLAGS="" PG_CONFIG="$pg_lib/bin/pg_config" >&2 && make -s install PG_CONFIG="$pg_lib/bin/pg_config" >&2)
fi

# go_install NAME VERSION MODULE: the program is called as the last part of the module's path.
go_install() {
  command -v go >/dev/null || { say "go (1.25 or newer) is needed to build $1"; exit 1; }
  say "$1 $2 by go install"
  local out
  out=$(mktemp -d "$cache/go.XXXXXX")
  GOBIN=$out CGO_ENABLED=0 go install "$3@$2" >&2
  mv "$out/${3##*/}" "$bin/$1-$2"
  rmdir "$out"
}
wants step-ca && go_install step-ca "$STEP_CA_VERSION" github.com/smallstep/certificates/cmd/step-ca
wants step && go_install step "$STEP_CLI_VERSION" github.com/smallstep/cli/cmd/step
wants compose-spec && go_install compose-spec "$COMPOSE_SPEC_VERSION" github.com/compose-spec/compose-go/v2/cmd

left=$(missing)
[ -z "$left" ] || { say "still missing: $(echo $left)"; exit 1; }
say done
