"""The incoming kind ``odata``: read an entity set of an OData service, on top of the kind ``http``."""
