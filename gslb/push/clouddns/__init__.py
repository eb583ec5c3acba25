"""Google Cloud DNS: the policy as routing policies, and how the service reads them."""
