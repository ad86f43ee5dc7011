#!/bin/sh
# Starts nginx as soon as the gateway has written its certificate and revocation lists, and reloads it within a second
# of every change. What `nginx -t` refuses is never loaded: the old configuration stays, and an error line says so.
set -eu

config=${FRONT_CONFIG:-/etc/mosaic-nginx/nginx.conf}
material=${FRONT_MATERIAL:-/run/mosaic/front}
refused=${FRONT_REFUSED_LOG:-/run/refused/refused.log}
pid=

say() { printf '{"level":"%s","component":"front","msg":"%s"}\n' "$1" "$2" >&2; }
complete() {
  for file in server.pem server.key client-ca.pem crl.pem front-proof.conf; do [ -s "$material/$file" ] || return 1; done
}
state() { (cd "$material" && cat server.pem server.key client-ca.pem crl.pem front-proof.conf 2>/dev/null) | sha256sum; }
# What was refused is the gateway's within seconds (MOSAIC_FRONT_REFUSED_LOG); emptied in place, nginx goes on writing.
trim() { [ ! -f "$refused" ] || [ "$(wc -c <"$refused")" -lt 16777216 ] || : >"$refused"; }
good() { nginx -t -q -e stderr -c "$config"; }
# Interruptible, so that a signal is not kept waiting. With the reload it is below a second until all workers are new ones.
pause() { sleep 0.5 & wait $! || true; }
finish() {
  trap '' TERM INT QUIT
  [ -z "$pid" ] || { kill -QUIT "$pid" 2>/dev/null || true; wait "$pid" || true; }
  exit 0
}
trap finish TERM INT QUIT

told=
until complete; do
  [ -n "$told" ] || say info "waiting for the gateway to write $material"
  told=1
  pause
done
loaded=$(state)
# nginx removes its sockets when it ends, but not when it was killed, and could then not listen.
sed -n 's/^ *listen unix:\([^ ;]*\/edge-[a-z]*\.sock\) .*/\1/p' "$config" | while read -r socket; do rm -f "$socket"; done
good || { say error 'nginx refuses the configuration'; exit 1; }
nginx -e stderr -c "$config" &
pid=$!
say info 'nginx started'

tried=$loaded
while kill -0 "$pid" 2>/dev/null; do
  pause
  trim
  complete || continue
  now=$(state)
  [ "$now" != "$tried" ] || continue
  # A file may still be on its way: what fails is tried again when it changes once more.
  tried=$now
  if good; then
    kill -HUP "$pid"
    say info 'certificate or revocation list changed: nginx reloaded'
  else
    say error 'certificate or revocation list changed, and nginx refuses it: the old one stays in force'
  fi
done
code=0
wait "$pid" || code=$?
say error "nginx ended with $code"
exit 1
