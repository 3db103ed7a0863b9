#!/usr/bin/env bash
# Installs Iflearner Flow into a Kubernetes cluster, or brings what is there up to date.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$here/common.sh"

usage() {
  cat <<'TEXT'
install.sh <component> [options]

Components
  crd        the definition of IflearnerJob
  operator   the operator, into flow-system
  server     flow-server, into flow-center
  federate   a party's agent, into flow-<party>
  all        all of these in one cluster, with two parties

Options
  --namespace NAME     another namespace (one component only)
  --party NAME         the party; for `all` once for each (party-a and party-b)
  --server HOST:PORT   federate: where flow-server is (flow-server.flow-center.svc:1237)
  --host NAME          server: a further name or address that agents reach it under; may be repeated
  --domain NAME        the end of the host names of jobs (iflearner.com)
  --preset NAME        the ingress controller: nginx, contour, traefik, haproxy, none (nginx)
  --ingress-namespace NAME
                       server, federate: where it runs, and so may connect to jobs (by preset: ingress-nginx,
                       projectcontour, traefik, haproxy-controller)
  --own-namespace      operator: care for the jobs of its own namespace only, without a ClusterRoleBinding
  --mysql              server: MariaDB instead of SQLite
  --service-type TYPE  server: ClusterIP, NodePort or LoadBalancer (ClusterIP)
  --registry NAME      where the images are: NAME/iflearner-flow/flow-server
  --tag TAG            the images' tag (0.1.0)
  --pki DIR            certificates (~/.local/share/iflearner-flow/pki), see deploy/README.md;
                       those that are missing are made with flowctl, which must be on the PATH then
  --timeout SPAN       how long to wait for each thing (300s)

kubectl's settings count (KUBECONFIG); KUBECTL names another program.
TEXT
}

component='' namespace='' ingress_namespace='' server='' domain=iflearner.com preset=nginx registry='' tag=0.1.0 timeout=300s
service_type=ClusterIP mysql='' own_namespace='' pki=${XDG_DATA_HOME:-${HOME:-.}/.local/share}/iflearner-flow/pki
parties=() hosts=()

while (($#)); do
  case $1 in
    --namespace) namespace=$(value_of "$@"); shift ;;
    --party) parties+=("$(value_of "$@")"); shift ;;
    --server) server=$(value_of "$@"); shift ;;
    --host) hosts+=("$(value_of "$@")"); shift ;;
    --domain) domain=$(value_of "$@"); shift ;;
    --preset) preset=$(value_of "$@"); shift ;;
    --ingress-namespace) ingress_namespace=$(value_of "$@"); shift ;;
    --own-namespace) own_namespace=yes ;;
    --mysql) mysql=yes ;;
    --service-type) service_type=$(value_of "$@"); shift ;;
    --registry) registry=$(value_of "$@"); shift ;;
    --tag) tag=$(value_of "$@"); shift ;;
    --pki) pki=$(value_of "$@"); shift ;;
    --timeout) timeout=$(value_of "$@"); shift ;;
    -h | --help) usage; exit ;;
    -*) fail "unknown option $1: see install.sh --help" ;;
    *)
      [[ -z $component ]] || fail "one component at a time: $component, or $1?"
      component=$1
      ;;
  esac
  shift
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$here/kustomize" "$here/crd" "$work/"

apply() { kube apply --server-side --force-conflicts --field-manager=flow-install "$@" | sed 's/^/  /'; }

# What is installed: a base, with components and the settings of this place.
components=() settings=()
install_base() {
  local base=$1 program=$2 namespace=$3
  mkdir -p "$work/kustomize/install"
  {
    cat <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $namespace
resources:
  - ../$base
images:
  - name: iflearner-flow/$program
    newName: ${registry:+$registry/}iflearner-flow/$program
    newTag: "$tag"
configMapGenerator:
  - name: $program-env
    behavior: merge
    literals:
YAML
    printf "      - '%s'\n" "${settings[@]}"
    if ((${#components[@]})); then
      echo components:
      printf '  - ../components/%s\n' "${components[@]}"
    fi
  } >"$work/kustomize/install/kustomization.yaml"
  apply -k "$work/kustomize/install"
}

# Begins with a component. The namespace comes first, so that secrets are there before the pods that wait for them.
begin() {
  local base=$1 namespace=$2
  has_crd || fail "the definition of IflearnerJob is not there: run install.sh crd first"
  components=() settings=()
  if there namespace "$namespace" && ! there namespaces --selector "$PART_OF,kubernetes.io/metadata.name=$namespace"; then
    say "taking the namespace $namespace as it is: it was there before"
    components+=(existing-namespace)
  else
    sed "s/^  name: flow\$/  name: $namespace/" "$here/kustomize/$base/namespace.yaml" |
      kube label --local --filename - "$PART_OF" --output yaml |
      apply --filename -
  fi
}

# A Secret or ConfigMap out of files, never out of arguments: those can be seen by others on this machine.
put() {
  local namespace=$1
  shift
  kube --namespace "$namespace" create "$@" --dry-run=client --output yaml |
    kube label --local --filename - "$PART_OF" --output yaml |
    apply --namespace "$namespace" --filename -
}

# Waits until the workload runs; says what it sees where it does not.
await() {
  local namespace=$1 workload=$2
  say "waiting until $workload in $namespace is up"
  if ! kube --namespace "$namespace" rollout status "$workload" --timeout "$timeout"; then
    kube --namespace "$namespace" get pods --selector "app.kubernetes.io/name=${workload#*/}" >&2 || true
    kube --namespace "$namespace" get events --field-selector type=Warning --sort-by .lastTimestamp 2>/dev/null | tail -n 5 >&2 || true
    fail "$workload in $namespace was not up within $timeout"
  fi
}

# --- Certificates --------------------------------------------------------------------------------

# Makes a certificate with flowctl, unless the one that is there is for the same and valid for a month to come. One without
# a note of what it is for was made by hand, and is taken as it is.
issue() {
  local authority=$1 out=$2 stem=$3 names=$4
  shift 4
  if [[ -f $out/$stem.crt && ! -f $authority/ca.key ]]; then
    return # given to us by those who run the federation
  fi
  if [[ -f $out/$stem.crt && (! -f $out/names || $(<"$out/names") == "$names") ]] && ! ends_soon "$out/$stem.crt"; then
    return
  fi
  command -v flowctl >/dev/null ||
    fail "$out/$stem.crt is not there, or not for '$names', and flowctl, which makes it, is not on the PATH"
  [[ -f $authority/ca.crt ]] || flowctl pki init --dir "$authority"
  flowctl pki issue "$@" --dir "$authority" --out "$out" --force
  printf '%s' "$names" >"$out/names"
}

ends_soon() { command -v openssl >/dev/null && ! openssl x509 -in "$1" -noout -checkend 2592000 >/dev/null; }

# The certificate of the ingress in front of jobs. Of an authority of its own: who has it can pass for a job, and for
# nothing else.
issue_route() {
  issue "$pki/routes-ca" "$pki/$1/routes" server "$2" server --host "$2"
}

# The identity of a member, and what routes to its jobs need.
put_certificates() {
  local namespace=$1 member=$2 secret=$3 route_secret=$4 dir=$pki/$2
  put "$namespace" secret generic "$secret" --type kubernetes.io/tls --from-file "tls.crt=$dir/$member.crt" \
    --from-file "tls.key=$dir/$member.key" --from-file "ca.crt=$dir/ca.crt"
  put "$namespace" secret generic "$route_secret" --type kubernetes.io/tls \
    --from-file "tls.crt=$dir/routes/server.crt" --from-file "tls.key=$dir/routes/server.key"
  local role
  for role in server party; do
    put "$namespace" configmap "$role-iflearner-crt" --from-file "$role-iflearner-secret.crt=$dir/routes/ca.crt"
  done
}

# --- Components ----------------------------------------------------------------------------------

install_crd() {
  say "installing the definition of IflearnerJob"
  apply -k "$work/kustomize/crd"
  kube wait --for=condition=Established "customresourcedefinition/$CRD" --timeout "$timeout"
}

install_operator() {
  local namespace=$1
  say "installing the operator into $namespace"
  begin operator "$namespace"
  settings+=("FLOW_OPERATOR__INGRESS__PRESET=$preset")
  if [[ -n $own_namespace ]]; then
    components+=(own-namespace)
    # What an earlier installation here may have left. That of an operator in another namespace is not ours.
    if [[ "$(kube get clusterrolebinding flow-operator --ignore-not-found --output 'jsonpath={.subjects[0].namespace}')" == "$namespace" ]]; then
      kube delete clusterrolebinding flow-operator
    fi
  fi
  install_base operator flow-operator "$namespace"
  await "$namespace" deployment/flow-operator
}

install_server() {
  local namespace=$1
  local names=() name
  # The names of before stay: somebody may use them.
  while read -r name; do
    names+=("$name")
  done < <({
    printf '%s\n' "flow-server.$namespace.svc" "flow-server.$namespace.svc.cluster.local" flow-server ${hosts[@]+"${hosts[@]}"}
    [[ ! -f $pki/server/names ]] || tr ' ' '\n' <"$pki/server/names"
  } | sed '/^$/d' | sort -u)
  say "installing flow-server into $namespace"
  issue "$pki/ca" "$pki/server" server "${names[*]}" server "${names[@]/#/--host=}"
  issue_route server "*.server.$domain"
  begin flow-server "$namespace"
  put_certificates "$namespace" server flow-server-tls server-iflearner-secret
  settings+=("FLOW_SERVER__CENTER__AGENT__KUBERNETES__DOMAIN=$domain")
  allow_ingress FLOW_SERVER__CENTER
  if [[ -z $mysql ]] && there statefulset flow-mysql --namespace "$namespace"; then
    say "keeping MariaDB as the database"
    mysql=yes
  fi
  if [[ -n $mysql ]]; then
    make_database_secret "$namespace"
    components+=(mysql)
  fi
  sed -i.before "s/^  type: ClusterIP\$/  type: $service_type/" "$work/kustomize/flow-server/service.yaml"
  install_base flow-server flow-server "$namespace"
  if [[ -n $mysql ]]; then
    await "$namespace" statefulset/flow-mysql
  fi
  await "$namespace" statefulset/flow-server
}

# Passwords are made once, and shown to nobody.
make_database_secret() {
  local namespace=$1 key
  if there secret flow-database --namespace "$namespace"; then
    return
  fi
  (
    umask 077
    for key in password root-password; do
      head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$work/$key"
    done
    printf 'mysql://flow:%s@flow-mysql:3306/flow' "$(cat "$work/password")" >"$work/url"
  )
  put "$namespace" secret generic flow-database --from-file "$work/password" --from-file "$work/root-password" --from-file "$work/url"
  # It belongs to the data: of no use is one without the other.
  kube --namespace "$namespace" label --overwrite secret flow-database flow.iflearner.io/keep=data >/dev/null
}

# Who may connect to jobs. An own namespace of no known controller has to be named.
allow_ingress() {
  local name=$ingress_namespace
  if [[ -z $name ]]; then
    case $preset in
      nginx) name=ingress-nginx ;;
      contour) name=projectcontour ;;
      traefik) name=traefik ;;
      haproxy) name=haproxy-controller ;;
      none) return ;;
    esac
  fi
  settings+=("$1__AGENT__KUBERNETES__NETWORK_POLICY__INGRESS_NAMESPACES=$name")
}

install_federate() {
  local namespace=$1 party=$2 address=$3
  check_name "the party" "$party"
  [[ $party != server && $party != ca && $party != routes-ca ]] || fail "the party cannot be called '$party'"
  say "installing the agent of $party into $namespace"
  issue "$pki/ca" "$pki/$party" "$party" "$party" party "$party"
  issue_route "$party" "*.$party.party.$domain"
  begin flow-federate "$namespace"
  put_certificates "$namespace" "$party" flow-federate-tls party-iflearner-secret
  settings+=(
    "FLOW_FEDERATE__PARTY=$party"
    "FLOW_FEDERATE__SERVER__ADDRESS=$address"
    "FLOW_FEDERATE__AGENT__KUBERNETES__DOMAIN=$domain"
  )
  allow_ingress FLOW_FEDERATE
  install_base flow-federate flow-federate "$namespace"
  await "$namespace" deployment/flow-federate
}

one_of() {
  local option=$1 value=$2 known
  shift 2
  for known in "$@"; do
    [[ $value != "$known" ]] || return 0
  done
  fail "$option '$value' is none of: $*"
}

[[ -z $namespace ]] || check_name "the namespace" "$namespace"
[[ -z $ingress_namespace ]] || check_name "the ingress controller's namespace" "$ingress_namespace"
one_of --preset "$preset" nginx contour traefik haproxy none
one_of --service-type "$service_type" ClusterIP NodePort LoadBalancer
case $component in
  crd)
    cluster_answers
    install_crd
    ;;
  operator)
    cluster_answers
    install_operator "${namespace:-$OPERATOR_NAMESPACE}"
    ;;
  server)
    cluster_answers
    install_server "${namespace:-$SERVER_NAMESPACE}"
    ;;
  federate)
    ((${#parties[@]} == 1)) || fail "which party? say it with --party NAME"
    cluster_answers
    install_federate "${namespace:-flow-${parties[0]}}" "${parties[0]}" "${server:-flow-server.$SERVER_NAMESPACE.svc:1237}"
    ;;
  all)
    [[ -z $namespace && -z $server && -z $own_namespace ]] || fail "--namespace, --server and --own-namespace are for one component"
    ((${#parties[@]})) || parties=(party-a party-b)
    cluster_answers
    install_crd
    install_operator "$OPERATOR_NAMESPACE"
    install_server "$SERVER_NAMESPACE"
    for party in "${parties[@]}"; do
      install_federate "flow-$party" "$party" "flow-server.$SERVER_NAMESPACE.svc:1237"
    done
    ;;
  '')
    usage >&2
    exit 2
    ;;
  *) fail "unknown component '$component': crd, operator, server, federate or all" ;;
esac
say "done: $component"
