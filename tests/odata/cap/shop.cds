namespace shop;

service Sales @(path: '/sales') {
  entity Orders {
    key id        : String(40);
        customer  : String(80);
        total     : Decimal(15, 2);
        placed    : DateTime;
        @odata.etag modifiedAt : Timestamp @cds.on.update: $now @cds.on.insert: $now;
        items     : Composition of many Items on items.order = $self;
  }
  entity Items {
    key pos   : Integer;
    key order : Association to Orders;
        sku   : String(40);
        qty   : Decimal(13, 3);
  }
  entity Customers {
    key id   : String(40);
        name : String(80);
  }
}
