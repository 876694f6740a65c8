"""The OpenAPI document as a judge: whether an answer is what it promises."""

import copy
import re
from typing import Any

import jsonschema_rs

_COMPONENTS = "#/components/schemas/"


class Document:
    """Judges strictly: a field that an answer has and the document does not name is a fault."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.paths: dict[str, dict[str, Any]] = document["paths"]
        self._schemas = copy.deepcopy(document["components"]["schemas"])
        for schema in self._schemas.values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
        self._templates = [(template, re.compile(re.sub(r"\{\w+\}", "[^/]+", template))) for template in self.paths]
        self._judges: dict[str, Any] = {}

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What the document says of a request; None where it knows no such."""
        found = [template for template, pattern in self._templates if pattern.fullmatch(path.partition("?")[0])]
        template = min(found, key=lambda one: one.count("{"), default=None)
        return None if template is None else self.paths[template].get(method.lower())

    def faults(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer, where the document has anything to say of it."""
        operation = self.operation(method, path)
        if operation is None:
            return []
        answers = operation["responses"]
        answer = answers.get(str(status)) or answers.get(f"{status // 100}XX")
        if answer is None:
            return [f"{method} {path}: {status} is not documented"]
        schema = answer["content"]["application/json"]["schema"]
        if str(schema) not in self._judges:
            self._judges[str(schema)] = self._judge(schema)
        judge = self._judges[str(schema)]
        return [f"{method} {path}: {error.instance_path} {error.message[:300]}" for error in judge.iter_errors(body)]

    def examples(self) -> list[tuple[str, str, Any]]:
        """(method, path, body) of every body the document shows."""
        return [
            (method, path, body)
            for path, methods in self.paths.items()
            for method, operation in methods.items()
            for body in self._examples(operation.get("requestBody", {}).get("content", {}).get("application/json", {}))
        ]

    def _examples(self, content: dict[str, Any]) -> list[Any]:
        schema = content.get("schema", {})
        schema = self._schemas[schema["$ref"].removeprefix(_COMPONENTS)] if "$ref" in schema else schema
        shown = [one["value"] for one in content.get("examples", {}).values()]
        return [*([content["example"]] if "example" in content else []), *shown, *schema.get("examples", [])]

    def _judge(self, schema: dict[str, Any]) -> Any:
        whole = {**schema, "components": {"schemas": self._schemas}}
        return jsonschema_rs.validator_for(whole, validate_formats=True)
