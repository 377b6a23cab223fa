"""Which search spaces answer a query: those of a ranker, of a weighted mix of rankers, or the base.

colour                    the ranker of that name
colour=0.7,shape=0.3      a mix: the weighted mean of their similarities
none                      no ranker: the base, also in a mix
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tiefvision.errors import InvalidInput, NotFound, NotReady, WeightsError
from tiefvision.store import models, registry
from tiefvision.store.judgements import DEFAULT_NAME
from tiefvision.tasks.indexing import ranked_spaces
from tiefvision.tasks.opened import Opened

NONE = "none"


@dataclass(frozen=True, slots=True)
class Choice:
    """ranker: who answers, written as above. shares: search space id -> its share of the
    similarity; they sum to 1. note: why it is not the ranker that is usual; "" mostly."""

    ranker: str
    shares: Mapping[str, float]
    note: str = ""


@dataclass(slots=True)
class Chooser:
    """Chooses for many queries; which rankers change nothing is found out once."""

    shop: Opened
    _identities: dict[str, bool] = field(default_factory=dict[str, bool])

    def choose(self, asked: str, *, label: str) -> Choice:
        """What answers a query; asked: as above, or "" for the usual: the ranker called default
        where one is active.

        Raises InvalidInput, NotFound for a ranker or label that is not there, NotReady, or
        WeightsError.
        """
        active = registry.active_search_spaces(self.shop.database, label=label)
        if "" not in active:
            self.shop.search_space(label=label)  # raises, with what to type
        if not asked:
            return self._usual(active, label)
        weights = parse(asked)
        if label and set(weights) != {NONE}:
            raise InvalidInput(
                f"the ranker {asked} was asked for together with the label {label}; rankers are "
                "for the product as a whole",
                remedy=f"leave out the ranker, or the label {label}",
            )
        shares: dict[str, float] = {}
        for name, weight in weights.items():
            search_space_id = self._space_of(name, active)
            shares[search_space_id] = shares.get(search_space_id, 0.0) + weight
        spelled = ",".join(f"{name}={weight:g}" for name, weight in weights.items())
        return Choice(spelled if len(weights) > 1 else next(iter(weights)), shares)

    def _usual(self, active: Mapping[str, str], label: str) -> Choice:
        base = {active[""]: 1.0}
        wanted = models.active(self.shop.database, kind="ranker", name=DEFAULT_NAME)
        if label or (wanted is None and DEFAULT_NAME not in active):
            return Choice(NONE, base)
        try:
            return Choice(DEFAULT_NAME, {self._space_of(DEFAULT_NAME, active): 1.0})
        except (NotReady, WeightsError) as error:
            return Choice(NONE, base, f"{error.message}; {error.remedy}")

    def _space_of(self, name: str, active: Mapping[str, str]) -> str:
        """The search space that a name of a ranker stands for."""
        if name == NONE:
            return active[""]
        if name in active:
            return active[name]
        model_id = models.active(self.shop.database, kind="ranker", name=name)
        if model_id is None:
            raise self._unknown(name)
        if self._is_identity(name, model_id):
            return active[""]
        raise NotReady(
            f"the ranker {name} is not filled yet",
            remedy=f"tiefvision models activate {model_id[:12]} -c {self.shop.home.folder}",
        )

    def _is_identity(self, name: str, model_id: str) -> bool:
        if model_id not in self._identities:
            own = ranked_spaces.read(self.shop, name, model_id)
            self._identities[model_id] = own.head.is_identity
        return self._identities[model_id]

    def _unknown(self, name: str) -> NotFound:
        trained = models.each(self.shop.database, kind="ranker")
        known = sorted({model.name for model in trained if model.active})
        idle = next((model for model in trained if model.name == name), None)
        near = difflib.get_close_matches(name, known, n=1)
        if idle is not None:
            remedy = f"tiefvision models activate {idle.id[:12]} -c {self.shop.home.folder}"
        elif near:
            remedy = f"did you mean {near[0]}?"
        else:
            remedy = "tiefvision models list"
        shown = ", ".join(known) or "none yet"
        return NotFound(f"no ranker called {name} is active; there are: {shown}", remedy=remedy)


def parse(text: str) -> dict[str, float]:
    """The weights of a ranker or of a mix, by name, summing to 1. Raises InvalidInput."""
    weights: dict[str, float] = {}
    parts = text.split(",")
    for part in parts:
        name, equals, number = (own.strip() for own in part.partition("="))
        weight = _number(number) if equals else 1.0
        sound = 0 < weight < math.inf and (equals or len(parts) == 1)
        if not name or name in weights or not sound:
            raise InvalidInput(
                f"{part!r} of the ranker {text!r} is not understood; expected a name, or a mix of "
                "names with weights above 0",
                remedy="for example colour, or colour=0.7,shape=0.3",
            )
        weights[name] = weight
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def check_name(name: str) -> None:
    """Raise InvalidInput for what cannot be the name of a ranker."""
    if not name or name == NONE or name != name.strip() or any(sign in name for sign in ",="):
        raise InvalidInput(
            f"{name!r} cannot be the name of a ranker; expected a word other than {NONE}, without "
            "commas and equals signs",
            remedy="for example colour",
        )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
