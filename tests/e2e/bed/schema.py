# SPDX-License-Identifier: Apache-2.0
"""The fields that our manifests use, as Kubernetes 1.36 has them: what is not here is a mistake in them, or is to be
looked up and added. A dict is an object; a list has its element's shape; {str: x} is a map."""

TEXTS = {str: str}
META = {"name": str, "namespace": str, "labels": TEXTS, "annotations": TEXTS}
PROBE = {"httpGet": {"path": str, "port": str}, "periodSeconds": int, "timeoutSeconds": int, "failureThreshold": int}
CONTAINER = {
    "name": str, "image": str, "args": [str], "terminationMessagePolicy": str,
    "env": [{"name": str, "value": str, "valueFrom": {"fieldRef": {"fieldPath": str}}}],
    "envFrom": [{"configMapRef": {"name": str}}],
    "ports": [{"name": str, "containerPort": int, "hostPort": int, "protocol": str}],
    "startupProbe": PROBE, "livenessProbe": PROBE, "readinessProbe": PROBE,
    "resources": {"requests": TEXTS},
    "securityContext": {
        "runAsUser": int, "readOnlyRootFilesystem": bool, "allowPrivilegeEscalation": bool,
        "appArmorProfile": {"type": str}, "capabilities": {"add": [str], "drop": [str]}},
    "volumeMounts": [{"name": str, "mountPath": str, "mountPropagation": str, "readOnly": bool}],
}
POD = {
    "serviceAccountName": str, "priorityClassName": str, "nodeSelector": TEXTS, "hostNetwork": bool, "hostPID": bool,
    "enableServiceLinks": bool, "dnsPolicy": str, "terminationGracePeriodSeconds": int, "securityContext": {"seccompProfile": {"type": str}},
    "tolerations": [{"operator": str}], "initContainers": [CONTAINER], "containers": [CONTAINER],
    "volumes": [{"name": str, "configMap": {"name": str}, "hostPath": {"path": str, "type": str}}],
}
RULES = [{"apiGroups": [str], "resources": [str], "verbs": [str]}]
BINDING = {"roleRef": {"apiGroup": str, "kind": str, "name": str},
           "subjects": [{"kind": str, "name": str, "namespace": str}]}
RBAC = "rbac.authorization.k8s.io/v1"
KINDS = {
    "Namespace": ("v1", {}),
    "ServiceAccount": ("v1", {}),
    "ConfigMap": ("v1", {"data": TEXTS}),
    "ClusterRole": (RBAC, {"rules": RULES}),
    "Role": (RBAC, {"rules": RULES}),
    "ClusterRoleBinding": (RBAC, BINDING),
    "RoleBinding": (RBAC, BINDING),
    "DaemonSet": ("apps/v1", {"spec": {
        "selector": {"matchLabels": TEXTS},
        "updateStrategy": {"type": str, "rollingUpdate": {"maxUnavailable": str, "maxSurge": int}},
        "template": {"metadata": {"labels": TEXTS}, "spec": POD}}}),
}


def faults(value, shape, at):
    """What of the value is not of the shape."""
    if isinstance(shape, type):
        # bool is an int to Python, not to Kubernetes
        return [] if type(value) is shape else [f"{at}: {value!r} is no {shape.__name__}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at}: {value!r} is no list"]
        return [f for i, v in enumerate(value) for f in faults(v, shape[0], f"{at}[{i}]")]
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is no object"]
    found = []
    for key, v in value.items():
        known = shape.get(key, shape.get(str))
        found += faults(v, known, f"{at}.{key}") if known else [f"{at}.{key}: there is no such field"]
    return found


def check(o):
    kind = o.get("kind")
    if kind not in KINDS:
        return [f"kind {kind}"]
    version, body = KINDS[kind]
    return faults(o, {"apiVersion": str, "kind": str, "metadata": META, **body}, kind) + (
        [] if o["apiVersion"] == version else [f"{kind}: apiVersion {o['apiVersion']}"])
