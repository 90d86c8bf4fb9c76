"""Ordered tree of packets: a treap through the packets' own links, for maps that are popped at both ends or walked.

Source: Seidel and Aragon 1996; the weights are a hash of the insertion number, so the shape is reproducible.
"""

from __future__ import annotations

from sandbox.core.dialect import Hook, late, record
from sandbox.core.rng import mix
from sandbox.core.skb import Skb


@record
class SkbTree:
    """Packets by rank, or by `less` when `by_less`; a new packet goes after its equals."""

    by_less: bool = False
    less: Hook = late()
    root: Skb | None = None

    def insert(self, skb: Skb) -> None:
        """Put a packet in its place."""
        parent: Skb | None = None
        node = self.root
        went_left = False
        while node is not None:
            parent = node
            went_left = self.less(skb, node) if self.by_less else skb.rank < node.rank
            node = node.left if went_left else node.right
        self._attach(skb, parent, went_left)

    def append(self, skb: Skb) -> None:
        """Put a packet last, whatever its rank."""
        self._attach(skb, self.last(), False)

    def _attach(self, skb: Skb, parent: Skb | None, left: bool) -> None:
        skb.left = None
        skb.right = None
        skb.parent = parent
        skb.weight = mix(skb.order, 0x7EA9)
        if parent is None:
            self.root = skb
        elif left:
            parent.left = skb
        else:
            parent.right = skb
        while skb.parent is not None and skb.parent.weight < skb.weight:
            self._raise(skb)

    def _raise(self, node: Skb) -> None:
        """Rotate a node above its parent."""
        parent = node.parent
        assert parent is not None
        above = parent.parent
        if parent.left is node:
            parent.left = node.right
            if node.right is not None:
                node.right.parent = parent
            node.right = parent
        else:
            parent.right = node.left
            if node.left is not None:
                node.left.parent = parent
            node.left = parent
        parent.parent = node
        node.parent = above
        if above is None:
            self.root = node
        elif above.left is parent:
            above.left = node
        else:
            above.right = node

    def remove(self, node: Skb) -> None:
        """Take a packet out."""
        while node.left is not None or node.right is not None:
            left = node.left
            right = node.right
            if left is None:
                assert right is not None
                self._raise(right)
            elif right is None or left.weight > right.weight:
                self._raise(left)
            else:
                self._raise(right)
        parent = node.parent
        if parent is None:
            self.root = None
        elif parent.left is node:
            parent.left = None
        else:
            parent.right = None
        node.parent = None

    def first(self) -> Skb | None:
        """Return the packet that leaves first."""
        node = self.root
        while node is not None and node.left is not None:
            node = node.left
        return node

    def last(self) -> Skb | None:
        """Return the packet that leaves last."""
        node = self.root
        while node is not None and node.right is not None:
            node = node.right
        return node

    def after(self, node: Skb) -> Skb | None:
        """Return the packet that follows this one."""
        at = node.right
        if at is not None:
            while at.left is not None:
                at = at.left
            return at
        below = node
        up = node.parent
        while up is not None and up.right is below:
            below = up
            up = up.parent
        return up

    def before(self, node: Skb) -> Skb | None:
        """Return the packet that is ahead of this one."""
        at = node.left
        if at is not None:
            while at.right is not None:
                at = at.right
            return at
        below = node
        up = node.parent
        while up is not None and up.left is below:
            below = up
            up = up.parent
        return up

    def with_rank(self, rank: int) -> Skb | None:
        """Return the earliest packet of exactly this rank."""
        if self.by_less:
            at = self.first()
            while at is not None and at.rank != rank:
                at = self.after(at)
            return at
        found: Skb | None = None
        node = self.root
        while node is not None:
            if node.rank < rank:
                node = node.right
            else:
                if node.rank == rank:
                    found = node
                node = node.left
        return found
