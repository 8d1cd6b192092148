# SPDX-License-Identifier: Apache-2.0
"""What the Pod security standard "restricted" finds wrong with a Pod's spec."""

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(spec):
    """Texts as the admission plugin has them."""
    found = [f"host namespaces ({field}=true)" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    for volume in spec.get("volumes") or []:
        if kinds := set(volume) - {"name"} - VOLUMES:
            found.append(f'restricted volume types (volume "{volume["name"]}" uses restricted volume type '
                         f'"{sorted(kinds)[0]}")')
    pod = spec.get("securityContext") or {}
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        found += of_container(container, pod)
    return found


def of_container(container, pod):
    own = container.get("securityContext") or {}
    name = f'container "{container["name"]}"'
    capabilities = own.get("capabilities") or {}
    seccomp = (own.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type")
    user = own.get("runAsUser", pod.get("runAsUser"))
    checks = (
        (own.get("privileged"), f"privileged ({name} must not set securityContext.privileged=true)"),
        (own.get("allowPrivilegeEscalation") is not False,
         f"allowPrivilegeEscalation != false ({name} must set securityContext.allowPrivilegeEscalation=false)"),
        ("ALL" not in (capabilities.get("drop") or []) or set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"},
         f'unrestricted capabilities ({name} must set securityContext.capabilities.drop=["ALL"])'),
        (own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True,
         f"runAsNonRoot != true (pod or {name} must set securityContext.runAsNonRoot=true)"),
        (user == 0, f"runAsUser=0 ({name} must not set runAsUser=0)"),
        (seccomp not in ("RuntimeDefault", "Localhost"),
         f"seccompProfile (pod or {name} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or "
         '"Localhost")'),
        (any(port.get("hostPort") for port in container.get("ports") or []), f"hostPort ({name} uses hostPort)"),
    )
    return [text for broken, text in checks if broken]
