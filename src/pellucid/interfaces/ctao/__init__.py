# SPDX-License-Identifier: BSD-3-Clause
"""Metadata of products in CTAO's data-products model: written, read, and checked for more than it checks."""

from pellucid.interfaces.ctao.files import header_of, read_metadata
from pellucid.interfaces.ctao.mapping import ctao_metadata, told
from pellucid.interfaces.ctao.record import recorded_product
from pellucid.interfaces.ctao.rules import checked

__all__ = ["checked", "ctao_metadata", "header_of", "read_metadata", "recorded_product", "told"]
