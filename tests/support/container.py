"""Environments of MemMachine's container, complete."""

from __future__ import annotations

import json

COMPLETE = {
    "POSTGRES_HOST": "10.0.0.3", "POSTGRES_DB": "memmachine", "POSTGRES_USER": "memmachine",
    "POSTGRES_PASSWORD": "pg", "NEO4J_URI": "bolt+s://10.0.0.5:7687", "NEO4J_USER": "neo4j", "NEO4J_PASSWORD": "neo",
    "MODEL_PROVIDER": "openai", "MODEL_CHAT": "gpt-4o-mini", "MODEL_EMBEDDING": "text-embedding-3-small",
    "MODEL_DIMENSIONS": "1536", "MODEL_API_KEY": "sk-1",
}  # fmt: skip
BEDROCK = {
    **COMPLETE, "MODEL_PROVIDER": "amazon-bedrock", "MODEL_REGION": "us-east-1", "MODEL_DIMENSIONS": "1024",
    "MODEL_CHAT": "openai.gpt-oss-20b-1:0", "MODEL_EMBEDDING": "amazon.titan-embed-text-v2:0",
    "MODEL_API_KEY": json.dumps({"Version": 1, "AccessKeyId": "AKIA$1", "SecretAccessKey": "canary${2}"}),
}  # fmt: skip
