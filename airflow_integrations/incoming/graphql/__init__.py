"""The incoming kind ``graphql``: read lists of a GraphQL API, on top of the kind ``http``."""
