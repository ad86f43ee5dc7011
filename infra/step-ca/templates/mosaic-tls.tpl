{{- /* Server certificates of the fronts. Names come from the one-time token's SANs, which step-ca compares with the CSR's. */ -}}
{
  "subject": { "commonName": {{ toJson .Subject.CommonName }} },
  "sans": {{ toJson .SANs }},
  "keyUsage": ["digitalSignature"],
  "extKeyUsage": ["serverAuth"],
  "basicConstraints": { "isCA": false },
  "crlDistributionPoints": [{{ toJson "@CRL_URL@" }}]
}
