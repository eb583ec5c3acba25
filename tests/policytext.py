"""What policies in tests begin with."""

HEAD = """\
version: 1
dns:
  zone: example.com
  nameservers: {ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}
"""
