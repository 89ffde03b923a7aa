#!/bin/bash
# Behaves like the official image where we depend on it: NEO4J_AUTH, NEO4J_AUTH_FILE, NEO4J_<setting> variables
# (`_` for a dot, `__` for an underscore), uid 7474, any other command as it is.
set -euo pipefail

[ "${1:-neo4j}" = neo4j ] || exec "$@"
conf=$NEO4J_HOME/conf/neo4j.conf

write_settings() {
  local name value key
  printf '%s\n' 'server.default_listen_address=0.0.0.0' 'dbms.usage_report.enabled=false' > "$conf"
  while IFS='=' read -r -d '' name value; do
    case $name in
      NEO4J_AUTH | NEO4J_AUTH_FILE | NEO4J_HOME | NEO4J_EDITION | NEO4J_PLUGINS | NEO4J_ACCEPT_LICENSE_AGREEMENT) continue ;;
      NEO4J_[a-z]*) ;;
      *) continue ;;
    esac
    key=${name#NEO4J_}; key=${key//__/$'\x01'}; key=${key//_/.}; key=${key//$'\x01'/_}
    sed -i "/^${key//./\\.}=/d" "$conf"
    printf '%s=%s\n' "$key" "$value" >> "$conf"
  done < /proc/self/environ
}

as_neo4j() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=7474 --regid=7474 --clear-groups "$@"; else "$@"; fi
}

set_password() {  # of an empty data folder only; later values change nothing
  local auth user password
  auth=${NEO4J_AUTH:-neo4j/neo4j}
  [ -z "${NEO4J_AUTH_FILE:-}" ] || auth=$(cat "$NEO4J_AUTH_FILE")
  if [ "$auth" = none ]; then echo 'dbms.security.auth_enabled=false' >> "$conf"; return; fi
  user=${auth%%/*}; password=${auth#*/}
  if [ "$user" != neo4j ]; then echo "Invalid admin username: '$user'. It must be neo4j." >&2; exit 1; fi
  if [ "$password" = neo4j ]; then
    echo "Invalid value for password. It cannot be 'neo4j', which is the default." >&2; exit 1
  fi
  [ -e /data/dbms/auth.ini ] || [ -e /data/databases/system ] \
    || as_neo4j neo4j-admin dbms set-initial-password "$password" > /dev/null
}

setting() { sed -n "s/^${1//./\\.}=//p" "$conf" | tail -1; }

write_settings
[ "$(id -u)" != 0 ] || chown -R neo4j:neo4j /data /logs "$conf"
set_password
initial=$(setting server.memory.heap.initial_size)
maximum=$(setting server.memory.heap.max_size)
command=(quick-java "-Xms${initial:-256m}" "-Xmx${maximum:-512m}" -XX:+UseG1GC -XX:-OmitStackTraceInFastThrow
  --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED
  --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED
  --enable-native-access=ALL-UNNAMED -Dfile.encoding=UTF-8 -cp "$NEO4J_HOME/lib/*"
  org.neo4j.server.CommunityEntryPoint "--home-dir=$NEO4J_HOME" "--config-dir=$NEO4J_HOME/conf" --console-mode)
unset NEO4J_AUTH NEO4J_AUTH_FILE
if [ "$(id -u)" = 0 ]; then exec setpriv --reuid=7474 --regid=7474 --clear-groups "${command[@]}"; fi
exec "${command[@]}"
