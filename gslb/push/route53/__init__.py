"""Amazon Route 53: the policy as a tree of alias record sets, and how the service reads it."""
