#!/bin/sh
# Makes a complete step-ca folder for Mosaic Federation: root and intermediate, two provisioners with keys of their own,
# templates, a database, CRLs. Idempotent: a provisioned folder is left as it is. POSIX sh, step and openssl only (no jq).
#
#   provision.sh FOLDER
#
# Environment:
#   CA_PASSWORD_FILE           encrypts the intermediate's key          (required)
#   PROVISIONER_PASSWORD_FILE  encrypts the provisioners' private keys  (required, another password)
#   CA_ADDRESS                 listen address                           (127.0.0.1:9000)
#   CA_DNS                     names of the server, space separated     (localhost 127.0.0.1)
#   CA_NAME                    common name prefix                       (Mosaic Federation CA)
#   CA_CRL_URL                 where step-ca serves its CRL; stands in every leaf (http://127.0.0.1:9001/1.0/crl)
#   CA_INSECURE_ADDRESS        plain HTTP listener for the CRL          (127.0.0.1:9001)
#   CA_MAX_DURATION            longest leaf lifetime                    (8760h)
#
# Afterwards hand FOLDER/gateway/ to the gateway's secrets and take FOLDER/offline/ off the machine: it holds the root key.
set -eu

folder=${1:?usage: provision.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
address=${CA_ADDRESS:-127.0.0.1:9000}
insecure=${CA_INSECURE_ADDRESS:-127.0.0.1:9001}
crl_url=${CA_CRL_URL:-http://127.0.0.1:9001/1.0/crl}
name=${CA_NAME:-Mosaic Federation CA}
max=${CA_MAX_DURATION:-8760h}
: "${CA_PASSWORD_FILE:?a file with the password of the intermediate key}"
: "${PROVISIONER_PASSWORD_FILE:?a file with the password of the provisioners}"

say() { echo "step-ca: $*" >&2; }
if [ -f "$folder/config/ca.json" ] && [ -f "$folder/.provisioned" ]; then
  say "$folder is provisioned"
  exit 0
fi
if cmp -s "$CA_PASSWORD_FILE" "$PROVISIONER_PASSWORD_FILE"; then
  say 'CA_PASSWORD_FILE and PROVISIONER_PASSWORD_FILE must hold different passwords'
  exit 1
fi
umask 077
mkdir -p "$folder/certs" "$folder/secrets" "$folder/config" "$folder/templates" "$folder/gateway" "$folder/offline" "$folder/crl" "$folder/db"

say 'root and intermediate'
step certificate create "$name Root" "$folder/certs/root_ca.crt" "$folder/offline/root_ca_key" \
  --profile root-ca --not-after 87600h --no-password --insecure --force >/dev/null
step certificate create "$name Intermediate" "$folder/certs/intermediate_ca.crt" "$folder/secrets/intermediate_ca_key" \
  --profile intermediate-ca --not-after 43800h --ca "$folder/certs/root_ca.crt" --ca-key "$folder/offline/root_ca_key" \
  --password-file "$CA_PASSWORD_FILE" --force >/dev/null

say 'provisioner keys'
for provisioner in mosaic-fed mosaic-tls; do
  step crypto jwk create "$folder/config/$provisioner.pub.json" "$folder/gateway/$provisioner.jwe" \
    --kty EC --crv P-256 --use sig --alg ES256 --password-file "$PROVISIONER_PASSWORD_FILE" --force >/dev/null
done

say 'CRL of the root'
# nginx (OpenSSL) wants a CRL for every CA in the chain, and step-ca makes none for the root.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/index.txt"
echo 01 >"$work/crlnumber"
cat >"$work/openssl.cnf" <<CNF
[ca]
default_ca = root
[root]
database = $work/index.txt
crlnumber = $work/crlnumber
default_md = sha256
crl_extensions = ext
[ext]
authorityKeyIdentifier = keyid
CNF
openssl ca -gencrl -config "$work/openssl.cnf" -keyfile "$folder/offline/root_ca_key" -cert "$folder/certs/root_ca.crt" \
  -crldays 3650 -out "$folder/crl/root.crl" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }

for template in mosaic-fed mosaic-tls; do
  sed "s|@CRL_URL@|$crl_url|g" "$here/templates/$template.tpl" >"$folder/templates/$template.tpl"
done

dns=
for one in ${CA_DNS:-localhost 127.0.0.1}; do dns="$dns${dns:+, }\"$one\""; done
claims="\"minTLSCertDuration\": \"5m\", \"maxTLSCertDuration\": \"$max\", \"defaultTLSCertDuration\": \"720h\", \"disableRenewal\": true"
cat >"$folder/config/ca.json" <<JSON
{
  "root": "$folder/certs/root_ca.crt",
  "crt": "$folder/certs/intermediate_ca.crt",
  "key": "$folder/secrets/intermediate_ca_key",
  "address": "$address",
  "insecureAddress": "$insecure",
  "dnsNames": [$dns],
  "logger": { "format": "json" },
  "db": { "type": "badgerv2", "dataSource": "$folder/db" },
  "crl": { "enabled": true, "generateOnRevoke": true, "cacheDuration": "24h", "renewPeriod": "20m", "idpURL": "$crl_url" },
  "authority": {
    "provisioners": [
      { "type": "JWK", "name": "mosaic-fed", "key": $(cat "$folder/config/mosaic-fed.pub.json"),
        "claims": { $claims }, "options": { "x509": { "templateFile": "$folder/templates/mosaic-fed.tpl" } } },
      { "type": "JWK", "name": "mosaic-tls", "key": $(cat "$folder/config/mosaic-tls.pub.json"),
        "claims": { $claims }, "options": { "x509": { "templateFile": "$folder/templates/mosaic-tls.tpl" } } }
    ]
  },
  "tls": { "minVersion": 1.2, "maxVersion": 1.3, "renegotiation": false }
}
JSON
touch "$folder/.provisioned"
say "provisioned $folder; hand gateway/ to the gateway, take offline/ off this machine"
