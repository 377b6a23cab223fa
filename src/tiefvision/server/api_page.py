"""The page /docs: the API's own description (OpenAPI) as HTML, without a script.

Swagger UI and its like are loaded from elsewhere, or weigh ten times what the whole site does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape

# What a request may bring, in the order in which it is told.
_PLACES = {"path": "in the address", "query": "behind the ?", "header": "a header"}
_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
    "minLength": "characters at least",
    "maxLength": "characters at most",
    "minItems": "entries at least",
    "maxItems": "entries at most",
}
# Problems are told at the top; FastAPI's own 422 is never answered (problems.py makes it a 400).
_SAID_ONCE = ("default", "422")
_REFERENCE = "#/components/schemas/"


def main_of(openapi: Mapping[str, object]) -> str:
    """The page's <main>: every route by its group, then every shape that bodies have."""
    groups: dict[str, list[str]] = {}
    for path, methods in _object(openapi["paths"]).items():
        for method, operation in _object(methods).items():
            own = _object(operation)
            tag = str(_list(own.get("tags", ["other"]))[0])
            groups.setdefault(tag, []).append(_operation(method.upper(), path, own))
    links = "".join(f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>' for tag in groups)
    sections = "".join(
        f'<section id="{escape(tag)}"><h2>{escape(tag.capitalize())}</h2>'
        f"{''.join(routes)}</section>"
        for tag, routes in groups.items()
    )
    shapes = _object(_object(openapi["components"])["schemas"])
    told = "".join(_shape(name, _object(shape)) for name, shape in sorted(shapes.items()))
    return (
        '<main id="main" class="api"><h1>API</h1>'
        "<p>Everything that the pages do, programs can do too. Search with a photograph:</p>"
        "<pre tabindex=0><code>curl -F image=@query.jpg -F k=5 "
        "http://127.0.0.1:8000/api/v1/search</code></pre>"
        "<p>Where a token is asked for, send it as <code>Authorization: Bearer TOKEN</code>. What "
        "goes wrong is answered as <code>application/problem+json</code> with <code>status</code>, "
        "<code>detail</code> and <code>remedy</code>, what to do. Programs that write programs "
        'read <a href="/openapi.json">openapi.json</a>.</p>'
        f'<nav aria-label="Groups of routes"><ul>{links}<li><a href="#shapes">shapes</a></li></ul>'
        f'</nav>{sections}<section id="shapes"><h2>Shapes</h2>{told}</section></main>\n'
    )


def _operation(method: str, path: str, operation: Mapping[str, object]) -> str:
    fields = [_parameter(_object(each)) for each in _list(operation.get("parameters", []))]
    body = _object(_object(operation.get("requestBody", {})).get("content", {}))
    fields += [_body(kind, _object(_object(own).get("schema", {}))) for kind, own in body.items()]
    fields += [
        _field(f"→ {status}", _answer(_object(answer)), "")
        for status, answer in _object(operation["responses"]).items()
        if status not in _SAID_ONCE
    ]
    place = escape(f"{method.lower()}-{path.strip('/').replace('/', '-')}")
    return (
        f'<article id="{place}"><h3><b class="{method.lower()}">{method}</b> '
        f"<code>{escape(path)}</code></h3>{_prose(str(operation.get('description', '')))}"
        f"<dl>{''.join(fields)}</dl></article>"
    )


def _parameter(parameter: Mapping[str, object]) -> str:
    schema = _object(parameter["schema"])
    kind = f"{_PLACES[str(parameter['in'])]}, {_type(schema)}{_bounds(schema)}"
    return _field(str(parameter["name"]), kind, str(parameter.get("description", "")))


def _body(kind: str, schema: dict[str, object]) -> str:
    meaning = " ".join(str(schema.get("description", "")).split())
    return _field("body", f"{escape(kind)}: {_type(schema)}", meaning)


def _answer(answer: Mapping[str, object]) -> str:
    content = _object(answer.get("content", {}))
    told = [
        f"{escape(kind)}: {_type(_object(own).get('schema', {}))}" for kind, own in content.items()
    ]
    return "; ".join(told) or escape(str(answer.get("description", "nothing")))


def _shape(name: str, shape: Mapping[str, object]) -> str:
    needed = [str(each) for each in _list(shape.get("required", []))]
    fields = [
        _field(
            field,
            f"{_type(own)}{_bounds(_object(own))}{'' if field in needed else ', may be left out'}",
            str(_object(own).get("description", "")),
        )
        for field, own in _object(shape.get("properties", {})).items()
    ]
    return (
        f'<article id="{escape(name)}"><h3><code>{escape(name)}</code></h3>'
        f"{_prose(str(shape.get('description', '')))}<dl>{''.join(fields)}</dl></article>"
    )


def _type(schema: object) -> str:
    """What a value may be, as HTML: shapes are links to where they are told."""
    own = _object(schema)
    if "$ref" in own:
        name = escape(str(own["$ref"]).removeprefix(_REFERENCE))
        return f'<a href="#{name}">{name}</a>'
    several = own.get("anyOf", own.get("oneOf"))
    if several is not None:
        return " or ".join(_type(each) for each in _list(several))
    if "enum" in own:
        return " or ".join(f"<code>{escape(str(each))}</code>" for each in _list(own["enum"]))
    if "const" in own:
        return f"<code>{escape(str(own['const']))}</code>"
    if own.get("type") == "array":
        return f"list of {_type(own.get('items', {}))}"
    if own.get("type") == "object" and "properties" in own:
        fields = (f"<code>{escape(name)}</code>" for name in _object(own["properties"]))
        return f"{' '.join(fields)}"
    return escape(str(own.get("format", own.get("type", "anything"))))


def _bounds(schema: Mapping[str, object]) -> str:
    told = [f"{words} {schema[name]}" for name, words in _LIMITS.items() if name in schema]
    if schema.get("default") not in (None, "", []):
        told.append(f"else {json.dumps(schema['default'])}")
    return "".join(f", {escape(each)}" for each in told)


def _field(name: str, kind: str, meaning: str) -> str:
    words = f"<br>{escape(meaning)}" if meaning else ""
    return f"<div><dt><code>{escape(name)}</code></dt><dd>{kind}{words}</dd></div>"


def _prose(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in _paragraphs(text))


def _paragraphs(text: str) -> Iterator[str]:
    for part in text.split("\n\n"):
        if part.strip():
            yield " ".join(part.split())


def _object(value: object) -> dict[str, object]:
    assert isinstance(value, dict), "OpenAPI has an object here"
    return value


def _list(value: object) -> list[object]:
    assert isinstance(value, list), "OpenAPI has a list here"
    return value
