#!/usr/bin/env bash
# The public guide's deployment, command by command, in its order: `guide.sh setup`, then `guide.sh deploy NAME`.
# benchmarks/versus_guide.py says what was changed so that it runs at all, and sets the environment: PROJECT_ID,
# PROJECT_NUMBER, REGION, PAUSE (real seconds), and where gcloud finds its APIs.
set -euo pipefail

# Repeats what is refused only because an API was enabled, or an account made, a moment ago.
again() {
  local said
  until said=$("$@" 2>&1); do
    case $said in
      *"has not been used"* | *SERVICE_DISABLED* | *"not enabled"* | *"does not exist"*) sleep "$PAUSE" ;;
      *) printf '%s\n%s\n' "failed: $*" "$said" >&2; exit 1 ;;
    esac
  done
  printf '%s\n' "$said" >&2
}

bind() {
  again gcloud projects add-iam-policy-binding "$PROJECT_ID" --member="serviceAccount:$1" --role="$2"
}

setup() {
  gcloud config set project "$PROJECT_ID"
  gcloud services enable run.googleapis.com sqladmin.googleapis.com secretmanager.googleapis.com \
    cloudbuild.googleapis.com containerregistry.googleapis.com compute.googleapis.com iam.googleapis.com
  again gcloud iam service-accounts create memmachine-deployer \
    --display-name="MemMachine Deployment Service Account"
  local deployer="memmachine-deployer@$PROJECT_ID.iam.gserviceaccount.com" role
  for role in roles/run.admin roles/cloudsql.admin roles/secretmanager.admin roles/iam.serviceAccountUser; do
    bind "$deployer" "$role"
  done
  again gcloud iam service-accounts keys create "$HOME/memmachine-sa-key.json" --iam-account="$deployer"
  gcloud auth configure-docker
  local runs_as="$PROJECT_NUMBER-compute@developer.gserviceaccount.com"
  bind "$runs_as" roles/secretmanager.secretAccessor
  bind "$runs_as" roles/storage.objectViewer
}

secret() {
  again gcloud secrets create "$1" --data-file="$2" --replication-policy=automatic
}

deploy() {
  local id=$1 postgres neo4j
  postgres=$(openssl rand -base64 32)
  neo4j=$(openssl rand -base64 32)
  echo "sk-your-actual-key" >"$HOME/key"
  echo "$postgres" >"$HOME/postgres"
  echo "$neo4j" >"$HOME/neo4j"
  secret "openai-key-$id" "$HOME/key"
  secret "postgres-pass-$id" "$HOME/postgres"
  secret "neo4j-pass-$id" "$HOME/neo4j"

  again gcloud sql instances create "memmachine-$id" --database-version=POSTGRES_15 --tier=db-custom-1-3840 \
    --region="$REGION" --root-password="$postgres" --no-backup
  gcloud sql instances patch "memmachine-$id" --authorized-networks=0.0.0.0/0
  local address url host
  address=$(gcloud sql instances describe "memmachine-$id" --format='get(ipAddresses[0].ipAddress)')

  gcloud run deploy "neo4j-$id" --image=neo4j:5.23-community --region="$REGION" --cpu=1 --memory=2Gi \
    --min-instances=1 --max-instances=1 --port=7687 \
    --set-env-vars="NEO4J_AUTH=neo4j/$neo4j,NEO4J_server_memory_heap_max__size=1G" \
    --set-env-vars="NEO4J_server_memory_heap_initial__size=512m" \
    --set-env-vars="NEO4J_server_default__listen__address=0.0.0.0" \
    --set-env-vars="NEO4J_server_bolt_listen__address=0.0.0.0:7687" \
    --allow-unauthenticated
  url=$(gcloud run services describe "neo4j-$id" --region="$REGION" --format='get(status.url)')
  host=${url#https://}

  gcloud run deploy "memmachine-$id" --image="$IMAGE" --region="$REGION" --cpu=2 --memory=2Gi \
    --min-instances=0 --max-instances=10 --port=8080 --timeout=600s \
    --set-env-vars="POSTGRES_HOST=$address,POSTGRES_PORT=5432,POSTGRES_USER=postgres,POSTGRES_DB=postgres" \
    --set-env-vars="NEO4J_HOST=$host,NEO4J_PORT=7687,NEO4J_USER=neo4j" \
    --set-secrets="POSTGRES_PASSWORD=postgres-pass-$id:latest,NEO4J_PASSWORD=neo4j-pass-$id:latest" \
    --set-secrets="OPENAI_API_KEY=openai-key-$id:latest" \
    --allow-unauthenticated
  url=$(gcloud run services describe "memmachine-$id" --region="$REGION" --format='get(status.url)')
  curl --silent --output /dev/null "$url/health"
  gcloud run services logs read "memmachine-$id" --region="$REGION" --limit=50
}

"$@"
