"""``outgoing: {sql: …}``: entities become rows, a batch in a transaction, each state of an entity exactly once."""
