-- The ERP's tables, as this example knows them. For PostgreSQL, MariaDB and SQLite.
CREATE TABLE customers (number varchar(20) PRIMARY KEY, name varchar(100) NOT NULL, email varchar(200), blocked int NOT NULL DEFAULT 0);
CREATE TABLE sales_orders (
  number varchar(20) PRIMARY KEY, customer varchar(20) NOT NULL, status varchar(10) NOT NULL, currency char(3) NOT NULL,
  total numeric(12, 2) NOT NULL, changed_at timestamp NOT NULL
);
CREATE TABLE sales_order_lines (
  order_number varchar(20) NOT NULL, line_no int NOT NULL, sku varchar(40) NOT NULL, quantity int NOT NULL, price numeric(12, 2) NOT NULL,
  PRIMARY KEY (order_number, line_no)
);
CREATE TABLE stock (sku varchar(40) PRIMARY KEY, quantity int NOT NULL, counted_at varchar(40));
