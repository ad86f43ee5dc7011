"""What no schema can say of a valid request, said to Schemathesis. Requests that are to be refused stay as they were made."""

import schemathesis
from schemathesis import GenerationMode

CSR = """-----BEGIN CERTIFICATE REQUEST-----
MIG6MGICAQAwADBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBG/xMfIX1OPO1V4
vcTIMLi3VNQ0pTU2NJFnd8IR3OKiUfRdqELj9k0zWHx+SoS8LrIlV8OD5Dfk3h+Q
lH7f7/mgADAKBggqhkjOPQQDAgNIADBFAiEA2r9Jc5Qja31OAdKBCDskJ/k3JVvp
tuXqmHegNjWql2wCIDcZv+EscIIG/PVZaOL+esmA1ioKtA2usmevqgSQldGV
-----END CERTIFICATE REQUEST-----
"""
USER = "root"
FAR = "2999-01-01T00:00:00Z"


def is_meant_well(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_meant_well(case):
        return
    if isinstance(case.query, dict):
        # A cursor is signed: the gateway makes them, and nobody else can.
        case.query.pop("cursor", None)
        if case.operation.path == "/api/admin/audit/histogram":
            # In order, and not too far apart.
            case.query.pop("from", None)
            case.query.pop("to", None)
    if isinstance(case.body, dict):
        # An end lies in the future.
        if isinstance(case.body.get("expires_at"), str):
            case.body["expires_at"] = FAR
        # Grants are for people who are there, say that what is sensitive is meant, and filter or exclude what makes sense.
        scope = case.body.get("scope")
        if isinstance(scope, dict):
            if "user" in case.body:
                case.body["user"] = USER
            case.body["approve_sensitive"] = True
            excluded = scope.get("excluded_resources")
            if isinstance(excluded, list):
                granted = scope.get("resources", [])
                scope["excluded_resources"] = [one for one in excluded if one not in granted]
            filters = scope.get("filters")
            if isinstance(filters, dict):
                granted = scope.get("resources", [])
                scope["filters"] = {name: one for name, one in filters.items() if name in granted}
        # A change changes something: the version is only what it is made at.
        if case.operation.path == "/api/admin/grants/{id}" and not set(case.body) - {"version", "approve_sensitive"}:
            case.body["rate_limit_per_minute"] = 60
        # A request for a certificate carries its own signature.
        if "csr" in case.body:
            case.body["csr"] = CSR
