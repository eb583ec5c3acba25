"""What the operator wants: YAML files to a model, to a plan, or to problems that say where."""
