"""Merkle paths: every leaf proves itself and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.merkle import MAX_LEAVES, Tree, leaf_hash, node_hash, path, root, verify_path
from signing.sm3 import sm3

batches = st.lists(st.binary(max_size=12), min_size=1, max_size=70)


def rfc_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word: the naive tree that ours is held against."""
    if len(leaves) == 1:
        return sm3(b"\x00" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sm3(b"\x01" + rfc_root(leaves[:split]) + rfc_root(leaves[split:]))


def rfc_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1, word by word."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*rfc_path(index, leaves[:split]), rfc_root(leaves[split:])]
    return [*rfc_path(index - split, leaves[split:]), rfc_root(leaves[:split])]


@st.composite
def proofs(draw: st.DrawFn) -> tuple[list[bytes], int]:
    leaves = draw(batches)
    return leaves, draw(st.integers(0, len(leaves) - 1))


@given(batches)
def test_the_root_is_that_of_rfc_6962(leaves: list[bytes]) -> None:
    assert root(leaves) == rfc_root(leaves)


@given(proofs())
def test_a_path_is_that_of_rfc_6962_and_verifies(proof: tuple[list[bytes], int]) -> None:
    leaves, index = proof
    siblings = path(leaves, index)
    assert list(siblings) == rfc_path(index, leaves)
    assert verify_path(leaves[index], index, len(leaves), siblings, root(leaves))


@given(proofs(), st.binary(max_size=12))
def test_another_leaf_does_not_verify(proof: tuple[list[bytes], int], other: bytes) -> None:
    leaves, index = proof
    expected = other == leaves[index]
    assert verify_path(other, index, len(leaves), path(leaves, index), root(leaves)) is expected


@given(st.data())
def test_another_index_does_not_verify(data: st.DataObject) -> None:
    leaves = data.draw(st.lists(st.binary(max_size=12), min_size=2, max_size=70, unique=True))
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(-2, len(leaves) + 2).filter(lambda value: value != index))
    assert not verify_path(leaves[index], other, len(leaves), path(leaves, index), root(leaves))


@given(proofs(), st.integers(0, 200))
def test_a_count_that_changes_the_shape_of_the_path_does_not_verify(
    proof: tuple[list[bytes], int], count: int
) -> None:
    """A path binds the count as far as the tree's shape shows it; a root is signed with its count."""
    leaves, index = proof
    same_shape = index < count and directions(index, count) == directions(index, len(leaves))
    assert verify_path(leaves[index], index, count, path(leaves, index), root(leaves)) is same_shape


def directions(index: int, count: int) -> list[str]:
    """From the leaf up: on which side each sibling stands."""
    if count == 1:
        return []
    split = 1
    while split * 2 < count:
        split *= 2
    if index < split:
        return [*directions(index, split), "right"]
    return [*directions(index - split, count - split), "left"]


@given(proofs(), st.data())
def test_a_changed_shortened_or_lengthened_path_does_not_verify(
    proof: tuple[list[bytes], int], data: st.DataObject
) -> None:
    leaves, index = proof
    good, head = path(leaves, index), root(leaves)
    assert not verify_path(leaves[index], index, len(leaves), (*good, bytes(32)), head)
    if good:
        place = data.draw(st.integers(0, len(good) - 1))
        flipped = bytes((good[place][0] ^ 1,)) + good[place][1:]
        bad = (*good[:place], flipped, *good[place + 1 :])
        assert not verify_path(leaves[index], index, len(leaves), bad, head)
        assert not verify_path(leaves[index], index, len(leaves), good[:-1], head)
        assert not verify_path(leaves[index], index, len(leaves), (*good[:-1], good[-1][:31]), head)


def test_every_leaf_of_a_full_batch_proves_itself() -> None:
    leaves = [f"entry {number}".encode() for number in range(1_000)]
    tree = Tree(leaves)
    assert len(tree) == 1_000
    assert all(verify_path(leaf, i, 1_000, tree.path(i), tree.root) for i, leaf in enumerate(leaves))


def test_an_inner_node_cannot_pose_as_a_leaf() -> None:
    leaves = [b"a", b"b", b"c", b"d"]
    inside = leaf_hash(b"a") + leaf_hash(b"b")
    sibling = node_hash(leaf_hash(b"c"), leaf_hash(b"d"))
    assert not verify_path(inside, 0, 2, (sibling,), root(leaves))


def test_a_repeated_last_leaf_changes_the_root() -> None:
    assert root([b"a", b"b", b"c"]) != root([b"a", b"b", b"c", b"c"])


def test_nothing_has_no_tree() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        Tree([])


@pytest.mark.parametrize("index", [-1, 3, 1_000])
def test_a_leaf_that_is_not_there_has_no_path(index: int) -> None:
    with pytest.raises(IndexError):
        path([b"a", b"b", b"c"], index)


def test_an_absurd_count_is_refused_at_once() -> None:
    assert not verify_path(b"a", 0, MAX_LEAVES + 1, (bytes(32),) * 33, bytes(32))
