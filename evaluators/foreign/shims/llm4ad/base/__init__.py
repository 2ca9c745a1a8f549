"""`Evaluation` as LLM4AD's tasks derive from it: it keeps what it is given."""

from __future__ import annotations

from typing import Any

__all__ = ["Evaluation"]


class Evaluation:
    def __init__(
        self,
        template_program: Any = "",
        task_description: str = "",
        use_numba_accelerate: bool = False,
        use_protected_div: bool = False,
        protected_div_delta: float = 1e-5,
        random_seed: Any = None,
        timeout_seconds: Any = None,
        **others: Any,
    ) -> None:
        self.template_program = template_program
        self.task_description = task_description
        self.use_numba_accelerate = use_numba_accelerate
        self.use_protected_div = use_protected_div
        self.protected_div_delta = protected_div_delta
        self.random_seed = random_seed
        self.timeout_seconds = timeout_seconds
        self.__dict__.update(others)

    def evaluate_program(self, program_str: str, callable_func: Any, **named: Any) -> Any:
        raise NotImplementedError("an evaluation says how a program is scored")
