#!/bin/sh
# Announces a new root: a certificate over its very name and key, signed by the root that peers trust now. Run it where that
# root's key is kept, off line. Nothing secret leaves: hand only OUT to the gateway (STEP_CA_NEXT_LINK_PATH). POSIX sh and
# openssl only.
#
#   cross-sign.sh OLD_ROOT_CERT OLD_ROOT_KEY NEW_ROOT_CERT OUT
#
# Environment:
#   ROOT_KEY_PASSWORD_FILE   password of OLD_ROOT_KEY, when it is encrypted
#   LINK_DAYS                how long it announces; a peer must renew in that time (730)
set -eu

[ $# -eq 4 ] || { echo 'usage: cross-sign.sh OLD_ROOT_CERT OLD_ROOT_KEY NEW_ROOT_CERT OUT' >&2; exit 2; }
old=$1 key=$2 new=$3 out=$4
days=${LINK_DAYS:-730}

say() { echo "cross-sign: $*" >&2; }
fail() { say "$*"; exit 1; }
fingerprint() { openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//;s/://g' | tr 'A-F' 'a-f'; }
subject() { openssl x509 -in "$1" -noout -subject -nameopt RFC2253; }
public() { openssl x509 -in "$1" -noout -pubkey; }
# unlock COMMAND…: with the key's password, if it has one
unlock() {
  if [ -n "${ROOT_KEY_PASSWORD_FILE:-}" ]; then "$@" -passin "file:$ROOT_KEY_PASSWORD_FILE"; else "$@"; fi
}

for one in "$old" "$new"; do
  openssl verify -CAfile "$one" "$one" >/dev/null 2>&1 || fail "$one is no root certificate that is valid now"
  openssl x509 -in "$one" -noout -text | grep -q 'CA:TRUE' || fail "$one is no certificate authority"
done
[ "$(subject "$old")" != "$(subject "$new")" ] ||
  fail 'both roots have one name: provision the new one with another CA_NAME'
[ "$(unlock openssl pkey -in "$key" -pubout)" = "$(public "$old")" ] || fail "$key is not the key of $old"

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/extensions" <<CNF
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CNF
unlock openssl x509 -in "$new" -CA "$old" -CAkey "$key" -sha256 -days "$days" -set_serial "0x$(openssl rand -hex 16)" \
  -clrext -extfile "$work/extensions" -out "$work/link.crt" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
openssl verify -partial_chain -CAfile "$old" "$work/link.crt" >/dev/null || fail 'what was made does not verify'
[ "$(public "$work/link.crt")" = "$(public "$new")" ] || fail 'what was made has another key'
cp "$work/link.crt" "$out"
chmod 0644 "$out"
say "$out: root $(fingerprint "$old") announces root $(fingerprint "$new") for $days days"
