"""memdeploy.yaml + environment + flags -> one validated Deployment."""
