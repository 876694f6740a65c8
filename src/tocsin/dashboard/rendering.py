"""Templates: compiled once, every value escaped, an undefined name an error."""

from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tocsin.application.access import Right
from tocsin.dashboard import charts, delivery_words, words
from tocsin.dashboard.assets import Assets


class _Environment(Environment):
    """`list.items` is what stands under that name in the list, not a method of dictionaries."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return obj[attribute] if isinstance(obj, dict) and attribute in obj else super().getattr(obj, attribute)


class Templates:
    """The templates in `templates/`, with the words and macros that all of them know."""

    def __init__(self, assets: Assets) -> None:
        self._environment = _Environment(
            loader=FileSystemLoader(str(files("tocsin.dashboard") / "templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._environment.globals |= {
            "assets": assets,
            "icon_of": words.icon_of,
            "state_of": words.state_of,
            "state_word": words.state_word,
            "sparkline": charts.sparkline,
            "Right": Right,
        }
        self._environment.filters |= {
            "number": words.number,
            "plural": words.plural,
            "span": words.span,
            "names": words.names,
            "initials": words.initials,
            "runs": charts.runs,
            "pretty": words.pretty,
            "protocol": lambda name: words.PROTOCOLS.get(name, name),
            "told": delivery_words.told,
            "where": delivery_words.where,
            "why_unsent": delivery_words.why_unsent,
            "path": lambda text: quote(text, safe=""),
            "local": lambda url: urlsplit(url).path,
        }

    def render(self, name: str, context: dict[str, Any]) -> str:
        return self._environment.get_template(name).render(context)
