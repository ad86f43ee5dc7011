#!/bin/sh
# step-ca in a container: provisions its folder at the first start, checks at every start that it still is what Mosaic
# Federation needs, hands the gateway what it needs, and becomes step-ca. Environment: as provision.sh, and
#
#   CA_FOLDER    the authority's folder, kept                         (/var/lib/step-ca/ca)
#   CA_HANDOFF   folder shared with the gateway, which only reads it  (/run/authority)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${CA_FOLDER:-/var/lib/step-ca/ca}
handoff=${CA_HANDOFF:-/run/authority}
crl_url=${CA_CRL_URL:-http://127.0.0.1:9001/1.0/crl}
config=$folder/config/ca.json

say() { echo "step-ca: $*" >&2; }
fail() { say "$*"; exit 1; }

umask 077
sh "$here/provision.sh" "$folder"

# The templates come from the image, so that an upgrade brings its own; the configuration stays as provisioned.
for template in mosaic-fed mosaic-tls; do
  sed "s|@CRL_URL@|$crl_url|g" "$here/templates/$template.tpl" >"$folder/templates/$template.new"
  mv "$folder/templates/$template.new" "$folder/templates/$template.tpl"
  grep -qF "\"name\": \"$template\"" "$config" || fail "$config has no provisioner $template"
  grep -qF "\"templateFile\": \"$folder/templates/$template.tpl\"" "$config" ||
    fail "$config does not use $template.tpl: certificates would be signed without identities"
done
grep -qF '"disableRenewal": true' "$config" || fail "$config lets peers renew past a revocation: set disableRenewal"
grep -qF '"enabled": true, "generateOnRevoke": true' "$config" || fail "$config has no revocation list: enable crl"
grep -qF "\"idpURL\": \"$crl_url\"" "$config" ||
  fail "CA_CRL_URL is $crl_url, and $config was provisioned with another: certificates would name a list nobody serves"

# hand FILE NAME MODE
hand() {
  cp "$1" "$handoff/.$2.new"
  chmod "$3" "$handoff/.$2.new"
  mv "$handoff/.$2.new" "$handoff/$2"
}
hand "$folder/certs/root_ca.crt" root_ca.crt 0444
hand "$folder/certs/intermediate_ca.crt" intermediate_ca.crt 0444
hand "$folder/crl/root.crl" root.crl 0444
hand "$folder/gateway/mosaic-fed.jwe" mosaic-fed.jwe 0400
hand "$folder/gateway/mosaic-tls.jwe" mosaic-tls.jwe 0400

[ ! -e "$folder/offline/root_ca_key" ] ||
  say "WARNING: the root's private key is still here: copy $folder/offline to a safe place and delete it here"

exec step-ca "$config" --password-file "$CA_PASSWORD_FILE"
