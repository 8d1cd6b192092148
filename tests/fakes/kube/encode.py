# SPDX-License-Identifier: Apache-2.0
"""JSON as Go writes it, and Status objects."""
import json

ESCAPES = [(bad, f"\\u{ord(bad):04x}") for bad in "<>&\u2028\u2029"]


def compact(value):
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for bad, good in ESCAPES:
        if bad in text:
            text = text.replace(bad, good)
    return text.encode()


def pretty(body):
    """Without the newline that compact bodies end with."""
    text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    for bad, good in ESCAPES:
        text = text.replace(bad, good)
    return text.encode()


class Failure(Exception):
    """An answer that is a Status object."""

    def __init__(self, code, reason, message, details=None, metadata=None, headers=(), indent=False):
        super().__init__(message)
        self.code, self.headers = code, headers
        status = {"kind": "Status", "apiVersion": "v1", "metadata": metadata or {}, "status": "Failure",
                  "message": message, "reason": reason, "details": details, "code": code}
        self.status = {k: v for k, v in status.items() if v is not None}
        self.indent = indent

    @property
    def body(self):
        text = compact(self.status)
        return pretty(text) if self.indent else text + b"\n"

    @property
    def event(self):
        """As it comes in a watch."""
        return b'{"type":"ERROR","object":' + compact(self.status) + b"}\n"


def unauthorized():
    return Failure(401, "Unauthorized", "Unauthorized")


def forbidden(user, verb, resource, group, namespace=None, name=None):
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    what = f'{resource} "{name}"' if name else resource
    details = {"name": name, "group": group or None, "kind": resource}
    return Failure(403, "Forbidden", f'{what} is forbidden: User "{user}" cannot {verb} resource "{resource}" '
                   f'in API group "{group}" {where}', {k: v for k, v in details.items() if v},
                   headers=[("X-Content-Type-Options", "nosniff")])


def no_such_resource():
    return Failure(404, "NotFound", "the server could not find the requested resource", {})


def _details(resource, name):
    details = {"name": name, "group": resource.group or None, "kind": resource.name}
    return {k: v for k, v in details.items() if v}


def not_found(resource, name):
    return Failure(404, "NotFound", f'{label(resource)} "{name}" not found', _details(resource, name))


def exists(resource, name):
    return Failure(409, "AlreadyExists", f'{label(resource)} "{name}" already exists', _details(resource, name))


def conflict(resource, name, why):
    return Failure(409, "Conflict", f'Operation cannot be fulfilled on {label(resource)} "{name}": {why}',
                   _details(resource, name))


def label(resource):
    return f"{resource.name}.{resource.group}" if resource.group else resource.name


def not_allowed():
    return Failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def not_acceptable():
    return Failure(406, "NotAcceptable", "406: Not Acceptable\n\nAvailable representations: application/json, "
                   "application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, "
                   "application/vnd.kubernetes.protobuf;stream=watch", {}, indent=True)


def bad_request(message):
    return Failure(400, "BadRequest", message)


def invalid_options(field, message):
    """The query of a list or watch is refused."""
    text = f"Forbidden: {message}"
    return Failure(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {field}: {text}', {
        "group": "meta.k8s.io", "kind": "ListOptions",
        "causes": [{"reason": "FieldValueForbidden", "message": text, "field": field}]})


def expired_list(continue_token=None):
    if continue_token is None:
        return Failure(410, "Expired", "The resourceVersion for the provided list is too old.")
    return Failure(410, "Expired", "The provided continue parameter is too old to display a consistent list result. "
                   "You can start a new list without the continue parameter, or use the continue token in this response "
                   "to retrieve the remainder of the results. Continuing with the provided token results in an "
                   "inconsistent list - objects that were created, modified, or deleted between the time the first "
                   "chunk was returned and now may show up in the list.", metadata={"continue": continue_token})


def expired_watch(version, oldest):
    return Failure(410, "Expired", f"too old resource version: {version} ({oldest})")


def future_list(version, current):
    return Failure(504, "Timeout", f"Timeout: Too large resource version: {version}, current: {current}", {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1}, headers=[("Retry-After", "1")])


def too_many(retry_after):
    """Of priority and fairness; it is plain text there, but load balancers and older servers send a Status."""
    return Failure(429, "TooManyRequests", "Too many requests, please try again later.",
                   {"retryAfterSeconds": retry_after}, headers=[("Retry-After", str(retry_after))])


def internal(message, code=500):
    return Failure(code, {500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}.get(code), message)
