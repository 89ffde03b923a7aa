"""Cloud Run's v1 (Knative) resources as the v2 resources that the rehearsal keeps, and back. Pure: JSON in, JSON out.

Sources: the discovery documents run.v1 and run.v2; for annotations the list in run.v1's `ObjectMeta.annotations`, and
https://cloud.google.com/run/docs/reference/yaml/v1.
"""
