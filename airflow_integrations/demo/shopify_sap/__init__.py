"""The reference scenario on one machine: a Shopify and an SAP S/4HANA that behave as their vendors' pages say."""
