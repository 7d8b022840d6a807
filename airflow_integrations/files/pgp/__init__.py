"""Files that are encrypted and signed with OpenPGP, by the program ``gpg`` and the keys of a Connection."""
