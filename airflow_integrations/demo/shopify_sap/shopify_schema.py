"""What the demo's Shopify knows of the GraphQL Admin API: the part of its schema, and what a query costs.

The schema is that of https://shopify.dev/docs/api/admin-graphql (2026-11), as far as the example routes ask for it.
Costs: https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits (2026-11): scalars and enums cost nothing, an
object a point, a connection what its ``first`` asks for. Real costs may be lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphql import DocumentNode, OperationDefinitionNode, SelectionSetNode

__all__ = ["MOST_FOR_ONE_QUERY", "MUTATION_COST", "SCHEMA", "actual_cost", "requested_cost"]

MOST_FOR_ONE_QUERY = 1000
MUTATION_COST = 10

SCHEMA = """
scalar DateTime
scalar Decimal
scalar UnsignedInt64
enum OrderSortKeys { CREATED_AT ID UPDATED_AT }
enum CustomerSortKeys { CREATED_AT ID UPDATED_AT }
enum OrderDisplayFinancialStatus { AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED }
enum CurrencyCode { EUR GBP USD }
enum CountryCode { AT BE CH CZ DE DK ES FR GB GR IE IT NL NO PL PT SE TR UA US }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
type MoneyV2 { amount: Decimal! currencyCode: CurrencyCode! }
type MoneyBag { shopMoney: MoneyV2! presentmentMoney: MoneyV2! }
type CustomerEmailAddress { emailAddress: String! }
type MailingAddress { address1: String zip: String city: String countryCodeV2: CountryCode }
type Customer {
  id: ID! legacyResourceId: UnsignedInt64! displayName: String! firstName: String lastName: String
  createdAt: DateTime! updatedAt: DateTime! defaultEmailAddress: CustomerEmailAddress defaultAddress: MailingAddress
}
type LineItem { id: ID! sku: String name: String! quantity: Int! originalUnitPriceSet: MoneyBag! }
type LineItemConnection { nodes: [LineItem!]! pageInfo: PageInfo! }
type Order {
  id: ID! legacyResourceId: UnsignedInt64! name: String! createdAt: DateTime! updatedAt: DateTime!
  displayFinancialStatus: OrderDisplayFinancialStatus currencyCode: CurrencyCode! totalPriceSet: MoneyBag!
  customer: Customer lineItems(first: Int, after: String): LineItemConnection!
}
type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
type CustomerConnection { nodes: [Customer!]! pageInfo: PageInfo! }
type InventoryItem { id: ID! sku: String tracked: Boolean! }
type InventoryItemConnection { nodes: [InventoryItem!]! pageInfo: PageInfo! }
type InventoryAdjustmentGroup { createdAt: DateTime! reason: String! }
type InventorySetQuantitiesUserError { code: String field: [String!] message: String! }
type InventorySetQuantitiesPayload {
  inventoryAdjustmentGroup: InventoryAdjustmentGroup userErrors: [InventorySetQuantitiesUserError!]!
}
input InventoryQuantityInput { inventoryItemId: ID! locationId: ID! quantity: Int! changeFromQuantity: Int }
input InventorySetQuantitiesInput {
  name: String! reason: String! quantities: [InventoryQuantityInput!]! referenceDocumentUri: String
}
type Query {
  order(id: ID!): Order
  customer(id: ID!): Customer
  orders(first: Int, after: String, sortKey: OrderSortKeys, query: String): OrderConnection!
  customers(first: Int, after: String, sortKey: CustomerSortKeys, query: String): CustomerConnection!
  inventoryItems(first: Int, after: String, query: String): InventoryItemConnection!
}
type Mutation { inventorySetQuantities(input: InventorySetQuantitiesInput!): InventorySetQuantitiesPayload }
"""


def requested_cost(document: DocumentNode, operation: OperationDefinitionNode) -> int:
    """What a query may cost at most; counted before it is carried out."""
    from graphql import FragmentDefinitionNode

    fragments = {
        node.name.value: node.selection_set for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    fields = _fields_cost(operation.selection_set, fragments)
    return fields + (MUTATION_COST if operation.operation.value == "mutation" else 0)


def _fields_cost(selected: SelectionSetNode | None, fragments: Mapping[str, SelectionSetNode]) -> int:
    from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, IntValueNode

    cost = 0
    for node in selected.selections if selected is not None else ():
        if isinstance(node, FragmentSpreadNode):
            cost += _fields_cost(fragments.get(node.name.value), fragments)
        elif isinstance(node, InlineFragmentNode):
            cost += _fields_cost(node.selection_set, fragments)
        elif isinstance(node, FieldNode) and node.selection_set is not None and node.name.value != "pageInfo":
            inner = _fields_cost(node.selection_set, fragments)
            first = [each.value for each in node.arguments if each.name.value == "first"]
            count = int(first[0].value) if first and isinstance(first[0], IntValueNode) else None
            # ``nodes`` is a field of its own, so that each node counts as an object.
            cost += 2 + count * inner if count is not None else 1 + inner
    return cost


def actual_cost(data: Any) -> int:
    """What the answer costs: a point for each object in it."""
    if isinstance(data, list):
        return sum(map(actual_cost, data))
    if not isinstance(data, dict):
        return 0
    return sum(
        actual_cost(value) + (1 if isinstance(value, dict) else len(value) if isinstance(value, list) else 0)
        for name, value in data.items()
        if name != "pageInfo"
    )
