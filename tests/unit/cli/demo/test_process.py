"""The demo's service is cut off from whatever the caller has configured."""

from service.cli.demo.process import environment


def test_caller_settings_are_left_out():
    """No setting of the caller's reaches the service, so that no real org does."""
    caller = {"PATH": "/bin", "SLUICEGATE_CONFIG": "/prod.yaml", "sluicegate_orgs": "{}", "SLUICEGATE_GRPC__PORT": "1"}

    made = environment(caller)

    ours = {name: value for name, value in made.items() if name.upper().startswith("SLUICEGATE_")}
    assert made["PATH"] == "/bin"
    assert {"SLUICEGATE_CONFIG", "sluicegate_orgs"}.isdisjoint(ours)
    assert ours["SLUICEGATE_GRPC__PORT"] == "0"
