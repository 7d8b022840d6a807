"""The rules that cut a batch out of a chunk: no key twice, the states of a key in their order, nothing sent in vain."""

from __future__ import annotations

from airflow_integrations.engine.push.chunk import Batch, Chunk
from airflow_integrations.engine.push.in_flight import InFlight
from airflow_integrations.engine.push.outcomes import Outcomes, known_after
from airflow_integrations.ledger.records import Known, Outcome
from airflow_integrations.ledger.status import KEPT
from airflow_integrations.outgoing import Outbound

__all__ = ["BATCH_BYTES", "BatchRules", "Cut"]

BATCH_BYTES = 16 * 1024 * 1024
"""A batch is closed early at this size, whatever its count: bounds the request's body."""


class Cut:
    """A batch, and the entities in front of it or among it that have their fate without being sent."""

    __slots__ = ("again", "batch", "bytes", "keys", "most", "ordinals", "outcomes")

    def __init__(self, batch: Batch, *, most: int, again: list[int] | None = None) -> None:
        self.batch = batch
        self.again = again
        """The ordinals of a batch that goes again exactly as it was sent before."""
        self.most = most
        self.keys: set[str] = set()
        self.bytes = 0
        self.ordinals: list[int] = []
        """Of those that have their fate, beside ``outcomes``."""
        self.outcomes: list[Outcome] = []


class BatchRules:
    """Cuts batches of at most ``most`` entities.

    Entities are looked at in their order. Each one *joins* the batch; or it *ends* the batch in front of it; or it
    *stays* at home, for its fate is known without sending it, and the next one is looked at.

    The table is what the tests go by. ``A``, ``B``, … are keys, ``A2`` is a second state of ``A``; a batch has at most
    four entities. ``given`` is what is known besides. ``stays`` has the fate of those that are not sent (``held``: none
    yet, it waits behind its earlier state), ``left`` what the next batch is cut from.

    =========  =====================  =======  ==========================  ====  ======================================
    chunk      given                  batch    stays                       left  because
    =========  =====================  =======  ==========================  ====  ======================================
    A B C                             A B C                                      nothing is known of them
    A B C D E                         A B C D                              E     the batch is full
    A B A2 C                          A B                                  A2 C  a key is in a batch once
    A2 B       A in flight                                                 A2 B  the states of a key keep their order
    A B        A B large              A                                    B     a batch has at most 16 MB
    A          A huge                 A                                          but one entity at least
    A B C      B C sent               A                                    B C   a batch to repeat begins behind it
    B C D      B C sent               B C                                  D     it goes again as it was
    B C B2     B C sent               B C                                  B2    and nothing joins it
    B C D      B C sent earlier       B C                                  D     so does one of an earlier run
    A B C      B C sent earlier       A                                    B C   and it is not cut either
    A B        A unchanged            B        A unchanged                       the target has this content
    A B        A superseded           B        A superseded                      the target has a newer version
    A B        A newer open           B        A superseded                      a newer version is still open
    A B        A leased               B        A retrying                        another run sends a state of it
    A B        A in doubt             B        A in_doubt                        a person looks first
    A B        A waiting              B        A waiting                         the target has it and confirms later
    A B        A not due              B        A retrying                        its next attempt is not due
    A2 A B     A2 unchanged           B        A2 unchanged, A superseded        a fate counts for the next state
    A2 B       A away                 B        A2 held                           its earlier state met an outage
    A B        A newer away           B        A superseded                      its later state met an outage
    A B        A B sent, A not due    A B                                        it was sent since: that is out of date
    A B        A B sent, A unchanged  B        A unchanged                       but what arrived is not sent again
    A B C      C tried once           A B                                  C     after a failure in half the company
    C A B D    C tried once           C A                                  B D   also where it comes first
    C A B      C tried twice          C                                    A B   and half of that after the second
    C A B      C tried once, A known  C A                                  B     whoever joins it
    A B C      B unanswered           A                                    B C   what may have arrived goes alone
    B C        B unanswered           B                                    C     with nothing behind it
    =========  =====================  =======  ==========================  ====  ======================================
    """

    def __init__(self, verdicts: Outcomes, traffic: InFlight, *, most: int) -> None:
        self._verdicts = verdicts
        self._traffic = traffic
        self._most = most

    def cut(self, chunk: Chunk) -> Cut:
        """Take the next batch from the front of a chunk that has entries. It may be empty: everything in front stays at
        home, or the first one waits for an earlier state of its key that is in flight."""
        if chunk.plain and chunk.bytes <= BATCH_BYTES and not self._traffic.held:
            return Cut(self._first(chunk), most=self._most)
        entries = chunk.entries
        cut = self._begun(chunk)
        while entries:
            ordinal, outbound = entries[0]
            known = chunk.known.get(outbound.key)
            if self._ends(cut, ordinal, outbound, known):
                break
            entries.popleft()
            if not self._stays(cut, ordinal, outbound, known):
                self._join(cut, ordinal, outbound, known)
        return cut

    def _first(self, chunk: Chunk) -> Batch:
        """The next entities, where nothing is known of any."""
        taken = [chunk.entries.popleft() for _ in range(min(self._most, len(chunk.entries)))]
        return Batch(chunk, [ordinal for ordinal, _ in taken], [outbound for _, outbound in taken])

    def _begun(self, chunk: Chunk) -> Cut:
        first = chunk.entries[0][0]
        unanswered = chunk.unanswered.pop(first, None)
        earlier = None if unanswered else chunk.unanswered_earlier.pop(first, None)
        batch = Batch(chunk, unanswered=unanswered is not None, unanswered_earlier=earlier is not None)
        return Cut(batch, most=self._most, again=unanswered or earlier)

    def _ends(self, cut: Cut, ordinal: int, outbound: Outbound, known: Known | None) -> bool:
        """Whether the batch is complete in front of this entity."""
        if cut.again is not None:
            return ordinal not in cut.again
        return (
            outbound.key in cut.keys
            or len(cut.keys) >= cut.most
            or _begins_one_again(cut.batch.chunk, ordinal)
            or self._follows_one_in_flight(cut.batch.chunk, outbound)
            or _too_large(cut, outbound)
            or self._wants_other_company(cut, outbound, known)
        )

    def _follows_one_in_flight(self, chunk: Chunk, outbound: Outbound) -> bool:
        return outbound.key in chunk.repeated and outbound.key in self._traffic.in_flight

    def _wants_other_company(self, cut: Cut, outbound: Outbound, known: Known | None) -> bool:
        """What failed together is tried in smaller and smaller company, and what may have arrived alone."""
        if cut.batch.unanswered_earlier:
            return True
        if known is None or not cut.keys:
            return False
        return self._verdicts.unanswered(known, outbound) or len(cut.keys) >= self._company(outbound, known)

    def _company(self, outbound: Outbound, known: Known) -> int:
        """At most so many entities are in a batch with this one; 0: it goes alone."""
        return self._most >> known.attempts if known.hash == outbound.hash else self._most

    def _stays(self, cut: Cut, ordinal: int, outbound: Outbound, known: Known | None) -> bool:
        """Whether it is not sent. Its fate is noted, but for a state that waits behind an earlier one of its key."""
        chunk, key = cut.batch.chunk, outbound.key
        fate: Outcome | None
        if key in self._traffic.held:
            if self._traffic.waits_behind(chunk, ordinal, outbound):
                return True
            fate = self._verdicts.superseded(outbound)
        elif key in chunk.taken:
            fate = self._verdicts.leased(outbound, known)
        else:
            fate = self._verdicts.before(outbound, known)
            if cut.batch.unanswered and fate is not None and fate.status in KEPT:
                return False  # it was sent: what was known of it before that is not all there is to know
        if fate is None:
            return False
        cut.ordinals.append(ordinal)
        cut.outcomes.append(fate)
        if key in chunk.repeated:  # it counts for the next state of this key, which may be the next
            chunk.known[key] = known_after(known, fate)
        return True

    def _join(self, cut: Cut, ordinal: int, outbound: Outbound, known: Known | None) -> None:
        if known is not None and cut.again is None:
            cut.batch.unanswered_earlier = self._verdicts.unanswered(known, outbound)
            cut.most = max(1, min(cut.most, self._company(outbound, known)))
        cut.keys.add(outbound.key)
        cut.bytes += len(outbound.encoded)
        cut.batch.ordinals.append(ordinal)
        cut.batch.outbounds.append(outbound)


def _begins_one_again(chunk: Chunk, ordinal: int) -> bool:
    """Whether a batch that goes again as it was begins with this entity."""
    return ordinal in chunk.unanswered or ordinal in chunk.unanswered_earlier


def _too_large(cut: Cut, outbound: Outbound) -> bool:
    return bool(cut.bytes) and cut.bytes + len(outbound.encoded) > BATCH_BYTES
