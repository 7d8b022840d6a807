"""The outgoing kind ``graphql``: entities go to a GraphQL API by mutations."""
