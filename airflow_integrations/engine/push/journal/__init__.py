"""What a push keeps of its work: the journal, its replay into the ledger, answers for people, steps confirmed."""
