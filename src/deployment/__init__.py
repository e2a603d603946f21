"""The deployment function: what a stack needs done once at each deployment and no resource type can do.

A deployment's way: `request` (CloudFormation's event) → `steps` (`refresher`, `code`, `views`, from the `bundle` that
ships with the function) → `answer` (back to CloudFormation, whatever happened). `handler` adds clients and clock. It
imports nothing of the enricher, so that its zip needs no Arrow.
"""
