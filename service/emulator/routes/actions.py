"""Invocable actions: what there is to call, and calling it.

Source: Salesforce REST API, "Invocable Actions". Only custom actions of Apex exist; those of Salesforce are absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from service.emulator.apex import Apex, ApexRequest
from service.emulator.apex.code import Action, action_inputs
from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.json_text import parse, render
from service.emulator.routes.apex import run_apex
from service.emulator.routing import Router


@dataclass(frozen=True, slots=True)
class ActionRoutes:
    """The action resources.

    Args:
        apex: The actions.

    """

    apex: Apex

    def add_to(self, router: Router[OrgCall]) -> None:
        """Add the resources."""
        router.add("actions", get=self._kinds)
        router.add("actions/standard", get=self._standard)
        router.add("actions/custom", get=self._custom)
        router.add("actions/custom/apex", get=self._list)
        router.add("actions/custom/apex/{name}", get=self._describe, post=self._invoke)

    async def _kinds(self, call: OrgCall) -> Answer:
        return Answer(value={kind: f"{call.base}/actions/{kind}" for kind in ("standard", "custom")})

    async def _standard(self, _call: OrgCall) -> Answer:
        return Answer(value={"actions": []})

    async def _custom(self, call: OrgCall) -> Answer:
        return Answer(value={"apex": f"{call.base}/actions/custom/apex"})

    async def _list(self, call: OrgCall) -> Answer:
        actions = [
            {"label": label, "name": name, "type": "APEX", "url": f"{call.base}/actions/custom/apex/{name}"}
            for name, label in self.apex.actions()
        ]
        return Answer(value={"actions": actions})

    async def _describe(self, call: OrgCall) -> Answer:
        name = call.parameters["name"]
        label, _ = self.apex.find_action(name)
        # What functions take and give is not declared, so nothing is listed.
        described: dict[str, object] = {"description": None, "inputs": [], "label": label, "name": name}
        return Answer(value={**described, "outputs": [], "standard": False, "targetEntityName": None, "type": "APEX"})

    async def _invoke(self, call: OrgCall) -> Answer:
        name = call.parameters["name"]
        _, action = self.apex.find_action(name)
        body = await call.body.read()
        inputs = action_inputs(parse(body) if body.strip() else {})
        request = ApexRequest(
            method=call.method,
            path="",
            org=call.tenant.org,
            user_id=call.user_id,
            query=call.query,
            headers=call.headers,
            body=body,
        )
        results = [_outcome(name, action, request, values) for values in inputs]
        # That a failure makes the whole answer 400 is unverified.
        return Answer(200 if all(result["isSuccess"] for result in results) else 400, results)


def _outcome(name: str, action: Action, request: ApexRequest, values: Mapping[str, object]) -> dict[str, object]:
    try:
        outputs = run_apex(request.org, lambda: _outputs(action(request, values)))
    except SalesforceFault as fault:
        error = {"statusCode": "UNKNOWN_EXCEPTION", "message": fault.message, "fields": []}
        return {"actionName": name, "errors": [error], "isSuccess": False, "outputValues": None}
    return {"actionName": name, "errors": None, "isSuccess": True, "outputValues": outputs}


def _outputs(result: object) -> object:
    if result is not None and not isinstance(result, Mapping):
        raise TypeError("the output values of an action are an object")
    render(result)  # what is no JSON fails here, as the code's fault
    return result
