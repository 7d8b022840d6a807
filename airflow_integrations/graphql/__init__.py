"""GraphQL documents, what their answers say of errors and costs, and the options that all kinds share."""
