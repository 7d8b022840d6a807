"""EDIFACT (ISO 9735, syntax 1 to 4) and ANSI X12: interchanges to messages, and messages to interchanges."""
