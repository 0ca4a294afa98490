"""The manifests as they would be applied: rendered, checked against Kubernetes' schemas and against our own rules."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.admin.links.associations import associations
from service.settings import CONFIG_VARIABLE, Settings, load

ROOT = Path(__file__).parents[2]
OVERLAYS = ("local", "production")
KUBECTL = Path(sys.executable).parent / "kubectl"
MARGIN_SECONDS = 10
"""What a pod needs after its drain to close connections and send its last spans."""

Manifest = dict[str, Any]


def rendered(overlay: str) -> list[Manifest]:
    """Render an overlay as `kubectl apply -k` would."""
    command: list[str | Path] = [KUBECTL, "kustomize", ROOT / "k8s" / "overlays" / overlay]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [manifest for manifest in yaml.safe_load_all(output) if manifest]


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(request) -> list[Manifest]:
    """Give the manifests of each overlay in turn."""
    return rendered(request.param)


@pytest.fixture(scope="module")
def production() -> list[Manifest]:
    """Give the manifests of production."""
    return rendered("production")


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def the(manifests: list[Manifest], kind: str) -> Manifest:
    [manifest] = of_kind(manifests, kind)
    return manifest


def pod(manifests: list[Manifest]) -> Manifest:
    template: Manifest = the(manifests, "Deployment")["spec"]["template"]
    return template


def container(manifests: list[Manifest]) -> Manifest:
    [only] = pod(manifests)["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def settings(manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Load the mounted settings with the variables of the container, as the pod would."""
    path = tmp_path / "sluicegate.yaml"
    path.write_text(the(manifests, "ConfigMap")["data"]["sluicegate.yaml"])
    environment = {CONFIG_VARIABLE: str(path)}
    for variable in container(manifests).get("env", []):
        if "secretKeyRef" in variable.get("valueFrom", {}):
            environment[variable["name"]] = '{"k1": "a key of thirty-two bytes or more"}'
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load(environment)


def test_every_object_is_what_kubernetes_expects(manifests):
    """Each object matches the strict schema of its kind: no field is unknown, missing or of the wrong type."""
    for manifest in manifests:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_a_misspelt_field_is_found(production):
    """The schemas are strict enough to refuse a field that Kubernetes does not know."""
    deployment = the(production, "Deployment")
    broken = {**deployment, "spec": {**deployment["spec"], "replica": 3}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


def test_the_pod_has_no_privileges(manifests):
    """The pod meets the restricted Pod Security Standard, writes nowhere but /tmp and cannot call Kubernetes."""
    spec = pod(manifests)["spec"]
    only = container(manifests)

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert the(manifests, "ServiceAccount")["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert [mount["mountPath"] for mount in only["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]


def test_kubernetes_adds_no_variables_that_look_like_settings(manifests):
    """A Service called sluicegate would put SLUICEGATE_… variables into the pod, and the service would refuse them."""
    assert pod(manifests)["spec"]["enableServiceLinks"] is False


def test_probes_ask_the_admin_port(manifests, monkeypatch, tmp_path):
    """Every probe is plain HTTP on the port that the settings give the admin listener, open beyond the pod itself."""
    only = container(manifests)
    ports = {port["name"]: port["containerPort"] for port in only["ports"]}
    configured = settings(manifests, monkeypatch, tmp_path)

    paths = {name: only[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}

    assert {only[name]["httpGet"]["port"] for name in paths} == {"admin"}
    assert paths["livenessProbe"] == "/healthz/live"
    assert paths["readinessProbe"] == paths["startupProbe"] == "/healthz/ready"
    assert ports == {
        "grpc": configured.grpc.port,
        "admin": configured.admin.port,
        "links": configured.link_server.port,
    }
    assert {configured.grpc.host, configured.admin.host, configured.link_server.host} == {"0.0.0.0"}


def test_a_pod_ends_within_its_grace(manifests, monkeypatch, tmp_path):
    """Waiting for endpoints, draining and closing fit into the time before the pod is killed."""
    wait = container(manifests)["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = settings(manifests, monkeypatch, tmp_path).grpc.drain_seconds

    assert wait >= 5
    assert wait + drain + MARGIN_SECONDS <= pod(manifests)["spec"]["terminationGracePeriodSeconds"]


def test_a_rollout_never_takes_a_replica_away(manifests):
    """A new pod is ready before an old one goes."""
    strategy = the(manifests, "Deployment")["spec"]["strategy"]

    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_memory_is_one_number_and_cpu_is_not_throttled(manifests):
    """The pod asks for all the memory it may use, and has no CPU limit."""
    resources = container(manifests)["resources"]

    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert "cpu" in resources["requests"]
    assert "cpu" not in resources["limits"]


def test_images_are_pinned(manifests):
    """No image moves under a tag that anyone may reuse."""
    image = container(manifests)["image"]

    assert ":" in image
    assert not image.endswith(":latest")


def test_production_names_its_image_by_digest(production):
    """What was tested is what runs."""
    assert "@sha256:" in container(production)["image"]


def test_selectors_meet_the_pods_and_no_others(manifests):
    """Services, budget, policy and spread select the pods of the Deployment, by the same labels and never all pods."""
    labels = pod(manifests)["metadata"]["labels"]
    selectors = [
        the(manifests, "Deployment")["spec"]["selector"]["matchLabels"],
        *(service["spec"]["selector"] for service in of_kind(manifests, "Service")),
        *(budget["spec"]["selector"]["matchLabels"] for budget in of_kind(manifests, "PodDisruptionBudget")),
        *(policy["spec"]["podSelector"]["matchLabels"] for policy in of_kind(manifests, "NetworkPolicy")),
        *(rule["labelSelector"]["matchLabels"] for rule in pod(manifests)["spec"]["topologySpreadConstraints"]),
    ]

    assert all(selector and selector.items() <= labels.items() for selector in selectors), selectors


def test_one_service_balances_and_one_names_every_pod(manifests):
    """Callers that balance themselves get the pods' addresses, the others one address."""
    services = {service["metadata"]["name"]: service["spec"] for service in of_kind(manifests, "Service")}

    assert services["sluicegate-headless"]["clusterIP"] == "None"
    assert "clusterIP" not in services["sluicegate"]
    links = services.pop("sluicegate-links")
    assert {port["targetPort"] for spec in services.values() for port in spec["ports"]} == {"grpc"}
    assert [port["targetPort"] for port in links["ports"]] == ["links"]


def test_a_drain_of_a_node_can_go_on(production):
    """The budget leaves at least one pod to evict, and a pod that is not ready does not count."""
    budget = the(production, "PodDisruptionBudget")["spec"]
    scaler = the(production, "HorizontalPodAutoscaler")["spec"]

    assert budget["minAvailable"] < scaler["minReplicas"] <= scaler["maxReplicas"]
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert "replicas" not in the(production, "Deployment")["spec"]
    assert scaler["scaleTargetRef"]["name"] == the(production, "Deployment")["metadata"]["name"]


def test_a_single_replica_has_no_budget():
    """Locally there is one pod, because each would have an org of its own; nothing may hold up a drain for it."""
    local = rendered("local")

    assert the(local, "Deployment")["spec"]["replicas"] == 1
    assert of_kind(local, "PodDisruptionBudget") == of_kind(local, "HorizontalPodAutoscaler") == []


def test_the_network_is_closed_by_default(manifests):
    """Both directions are denied but for what is listed, and no rule to the internet reaches private addresses."""
    policy = the(manifests, "NetworkPolicy")["spec"]
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer]

    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert all(
        rule.get("ports") and (rule.get("to") or rule.get("from")) for rule in policy["egress"] + policy["ingress"]
    )
    assert {block["cidr"] for block in blocks} == {"0.0.0.0/0", "::/0"}
    assert "169.254.0.0/16" in blocks[0]["except"]
    assert "fc00::/7" in blocks[1]["except"]


def test_only_links_are_open_to_other_namespaces(manifests):
    """Whoever is not of the namespace reaches the port for links, and neither gRPC nor health."""
    rules = the(manifests, "NetworkPolicy")["spec"]["ingress"]

    open_to_others = {
        port["port"]
        for rule in rules
        if any("namespaceSelector" in peer for peer in rule["from"])
        for port in rule["ports"]
    }

    assert open_to_others == {"links"}


def test_the_ingress_leads_to_links_alone(production, monkeypatch, tmp_path):
    """Each path is one that the link server answers, exactly, on the host that links point at, over TLS."""
    ingress = the(production, "Ingress")["spec"]
    [rule] = ingress["rules"]
    configured = settings(production, monkeypatch, tmp_path)
    services = {service["metadata"]["name"]: service["spec"] for service in of_kind(production, "Service")}

    paths = {path["path"] for path in rule["http"]["paths"]}
    backends = [path["backend"]["service"] for path in rule["http"]["paths"]]

    assert configured.links.host == f"https://{rule['host']}"
    assert [rule["host"]] == ingress["tls"][0]["hosts"]
    assert paths == {"/l", *(file.path for file in associations(configured.link_server))}
    assert {path["pathType"] for path in rule["http"]["paths"]} == {"Exact"}
    for backend in backends:
        assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["ports"]}
        assert {port["targetPort"] for port in services[backend["name"]]["ports"]} == {"links"}


def test_production_settings_are_accepted(production, monkeypatch, tmp_path):
    """The service takes the example settings as they are mounted, with keys that all replicas share."""
    configured = settings(production, monkeypatch, tmp_path)

    assert configured.default_org in configured.orgs
    assert configured.token_keys
    assert configured.links.keys
    assert configured.grpc.reflection is False


def test_files_that_the_settings_name_are_mounted(production, monkeypatch, tmp_path):
    """Each key file of an org lies in a Secret's volume."""
    secrets = {volume["name"] for volume in pod(production)["spec"]["volumes"] if "secret" in volume}
    mounts = {mount["mountPath"] for mount in container(production)["volumeMounts"] if mount["name"] in secrets}

    orgs = settings(production, monkeypatch, tmp_path).orgs.values()

    assert {str(Path(org.auth.model_dump()["private_key_file"]).parent) for org in orgs} <= mounts


def test_local_runs_on_the_embedded_org(monkeypatch, tmp_path):
    """Without orgs the service brings its own, and needs no Secret."""
    local = rendered("local")

    assert settings(local, monkeypatch, tmp_path).orgs == {}
    assert "secret" not in yaml.safe_dump(pod(local))


def test_no_manifest_holds_a_secret(manifests):
    """Secrets come from the cluster's store, never from files here."""
    assert of_kind(manifests, "Secret") == []
