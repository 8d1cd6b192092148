# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the rules of ClusterRoles and Roles, and what of them a log of requests used."""


class Rules:
    """rules: of a ClusterRole. namespaced: {namespace: rules} of Roles there."""

    def __init__(self, rules, namespaced=None):
        self.scopes = {None: rules, **(namespaced or {})}

    def allow(self, ask, verb):
        what = f"{ask.resource.name}/{ask.subresource}" if ask.subresource else ask.resource.name
        return any(fits(rule, verb, ask.resource.group, what, ask.name)
                   for scope in {None, ask.namespace} for rule in self.scopes.get(scope, ()))

    def grants(self):
        """{(namespace or None, verb, group, resource[/subresource])}, one by one."""
        return {(scope, verb, group, resource) for scope, rules in self.scopes.items() for rule in rules
                for verb in rule["verbs"] for group in rule.get("apiGroups", ()) for resource in rule.get("resources", ())}


def fits(rule, verb, group, what, name):
    return (within(verb, rule["verbs"]) and within(group, rule.get("apiGroups", ()))
            and within(what, rule.get("resources", ()))
            and (not rule.get("resourceNames") or name in rule["resourceNames"]))


def within(value, allowed):
    return "*" in allowed or value in allowed


def used(log):
    """{(namespace, verb, group, resource[/subresource])} of what was asked."""
    return {(r.namespace or None, verb, r.group, f"{r.resource}/{r.subresource}" if r.subresource else r.resource)
            for r in log if r.resource for verb in (r.verb, *(("create",) if r.creates else ()))}


def missing(rules, log):
    """Uses that nothing grants."""
    grants = rules.grants()
    return {u for u in used(log) if not {u, (None, *u[1:])} & grants}


def unused(rules, log):
    """Grants that nothing used."""
    uses = used(log)
    return {g for g in rules.grants() if not any(u[1:] == g[1:] and g[0] in (None, u[0]) for u in uses)}
