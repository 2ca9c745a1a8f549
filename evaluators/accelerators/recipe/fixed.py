"""The five fixed recipes that a found one is held against: what people type without a search.

`resyn2`, `resyn2rs` and `compress2rs` as ABC's own resource file (abc.rc) has them; `dch` and `&syn3` three times.
"""

from __future__ import annotations

from collections.abc import Mapping

from tools.recipes.grammar import Recipe, parse_recipe

_RESYN2 = "balance/rewrite/refactor/balance/rewrite/rewrite -z/balance/refactor -z/rewrite -z/balance"
_RESYN2RS = (
    "balance/resub -K 6/rewrite/resub -K 6 -N 2/refactor/resub -K 8/balance/resub -K 8 -N 2/rewrite/resub -K 10"
    "/rewrite -z/resub -K 10 -N 2/balance/resub -K 12/refactor -z/resub -K 12 -N 2/rewrite -z/balance"
)
_COMPRESS2RS = "/".join(f"{line} -l" for line in _RESYN2RS.split("/"))
_TITLES: Mapping[str, tuple[str, str]] = {
    "resyn2": ("ABC's resyn2", _RESYN2),
    "resyn2rs": ("ABC's resyn2rs", _RESYN2RS),
    "compress2rs": ("ABC's compress2rs", _COMPRESS2RS),
    "dch3": ("dch three times", "/".join(["dch"] * 3)),
    "syn3": ("&syn3 three times", "/".join(["&get -n; &syn3; &put"] * 3)),
}
FIXED: Mapping[str, Recipe] = {name: parse_recipe(text.replace("/", "\n")) for name, (_, text) in _TITLES.items()}
TITLES: Mapping[str, str] = {name: title for name, (title, _) in _TITLES.items()}
