"""The outgoing kind ``odata``: write entities to an OData service, on top of the kind ``http``."""
