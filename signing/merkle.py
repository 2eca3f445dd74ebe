"""Merkle trees over SM3, in the shape of RFC 6962 (section 2.1) with SM3 in the place of SHA-256.

    leaf hash = SM3(0x00 || leaf)        node hash = SM3(0x01 || left || right)

A tree of n leaves splits at the largest power of two below n. That is the same tree as joining neighbours
level by level and carrying a last odd node up unchanged, which is how it is built here. No leaf is ever
duplicated, so two different lists never share a root.
"""

from collections.abc import Sequence

from signing.sm3 import DIGEST_SIZE, sm3

MAX_LEAVES = 1 << 32
"""A path that claims a larger tree is refused without looking at it."""

_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(leaf: bytes) -> bytes:
    """The hash by which a leaf enters the tree."""
    return sm3(_LEAF + leaf)


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return sm3(_NODE + left + right)


class Tree:
    """All levels of one tree: built in O(n) hashes, each path read in O(log n)."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Raises ValueError without leaves: a signed root over nothing would promise nothing."""
        if not leaves:
            raise ValueError("a Merkle tree needs at least one leaf")
        level = [leaf_hash(leaf) for leaf in leaves]
        self._levels = [level]
        while len(level) > 1:
            level = _joined(level)
            self._levels.append(level)

    def __len__(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """32 bytes."""
        return self._levels[-1][0]

    def path(self, index: int) -> tuple[bytes, ...]:
        """The sibling hashes from leaf `index` up to the root. Raises IndexError outside 0..n-1."""
        if not 0 <= index < len(self):
            raise IndexError(f"leaf {index} of {len(self)}")
        siblings = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                siblings.append(level[sibling])
            index >>= 1
        return tuple(siblings)


def _joined(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    odd = level[-1:] if len(level) % 2 else []
    return [node_hash(left, right) for left, right in pairs] + odd


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over `leaves`. Raises ValueError when there are none."""
    return Tree(leaves).root


def path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """One leaf's path. For all paths of a batch build one `Tree`."""
    return Tree(leaves).path(index)


def verify_path(leaf: bytes, index: int, count: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` is number `index` of the `count` leaves under `root`. False for anything malformed.

    A path shows the count only as far as it shapes this leaf's way up (leaf 0 of 3 and of 4 look alike):
    whoever signs a root signs the count with it.
    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < count <= MAX_LEAVES or any(len(sibling) != DIGEST_SIZE for sibling in path):
        return False
    node, last, reached = index, count - 1, leaf_hash(leaf)
    for sibling in path:
        if last == 0:
            return False  # the path is longer than the tree is high
        if node & 1 or node == last:
            reached = node_hash(sibling, reached)
            while not node & 1 and node:  # levels on which this node was carried up unchanged
                node, last = node >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and reached == root
