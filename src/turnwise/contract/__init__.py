"""The published REST contract as data: what each operation takes and answers, deep.

Nothing is read when this is imported; `load` reads it once.
"""

from turnwise.contract.catalogue import Contract, load
from turnwise.contract.merging import merged
from turnwise.contract.openapi import document
from turnwise.contract.operations import Operation, Parameter
from turnwise.contract.problems import ContractError, Place, Problem
from turnwise.contract.shapes import Shape

__all__ = [
    "Contract",
    "ContractError",
    "Operation",
    "Parameter",
    "Place",
    "Problem",
    "Shape",
    "document",
    "load",
    "merged",
]
