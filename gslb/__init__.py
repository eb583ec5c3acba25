"""A global traffic manager: authoritative DNS that answers by geography, weight, latency, health.

The way through the code, from the outside in:

- `cli`: one module a command; `supervisor`: the process in charge, the only module that knows all.
- `policy`: what the operator wants: YAML → model → `policy.plan.Plan`, each problem with its place.
- `geo`: where clients are: the geo table, areas, carriers, cloud regions, latency.
- `steering`: what to answer, decided when state changes: rules → classes of clients → decisions →
  `answers.model.TableContent`; the explanation is the same decision's trace.
- `state`: health and operators' words made into one board; and what is kept on disk: overrides,
  events, the audit log, generations of the answer table.
- `node`: the processes of a node and what keeps them in step: checker, table maker, workers.
- `api`: HTTP, knowing only its own `services`; `desk`: those services, over a node; `metrics`:
  the name and meaning of every number.
- `answers`: what the data plane reads, and all it reads: the packed answer table.
- `dataplane`: queries in, responses out; `dataplane.responder` defines what we say.
- `wire`: DNS as octets.
"""

__version__ = "0.1.0"
