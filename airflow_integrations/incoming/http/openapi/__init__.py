"""What an OpenAPI document says of an API's lists."""
