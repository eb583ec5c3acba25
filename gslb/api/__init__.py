"""HTTP: what operators and programs ask of a node, under ``/api/v1``; and its metrics.

`routes` and `pipeline` say what every route has in common; `app` puts them together; `services`
is all that the API knows of the process that it speaks for.
"""
