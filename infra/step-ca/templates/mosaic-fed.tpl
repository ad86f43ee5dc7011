{{- /* Client certificates of peers. Everything comes from the gateway's one-time token, nothing from the CSR but its key.
       A claim that is missing or malformed fails the signing: printf would otherwise write "%!s(<nil>)" and step-ca would sign it. */ -}}
{{- $uuid := "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" -}}
{{- $grant := printf "%v" .Token.mosaic_grant_id -}}
{{- $subject := printf "%v" .Token.mosaic_subject_user_id -}}
{{- if not (regexMatch $uuid $grant) -}}{{ fail "the token's mosaic_grant_id is missing or not a UUID" }}{{- end -}}
{{- if not (regexMatch $uuid $subject) -}}{{ fail "the token's mosaic_subject_user_id is missing or not a UUID" }}{{- end -}}
{
  "subject": { "commonName": {{ toJson $grant }} },
  "keyUsage": ["digitalSignature"],
  "extKeyUsage": ["clientAuth"],
  "basicConstraints": { "isCA": false },
  "crlDistributionPoints": [{{ toJson "@CRL_URL@" }}],
  "extensions": [
    { "id": "1.3.6.1.4.1.99999.1", "critical": false, "value": {{ asn1Enc (printf "utf8:%s" $grant) | toJson }} },
    { "id": "1.3.6.1.4.1.99999.2", "critical": false, "value": {{ asn1Enc (printf "utf8:%s" $subject) | toJson }} }
  ]
}
