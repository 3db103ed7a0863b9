# What install.sh and uninstall.sh share; sourced, not run.
# shellcheck shell=bash disable=SC2034  # those who source this use its constants

readonly CRD=iflearnerjobs.git.iflytek.com
readonly OPERATOR_NAMESPACE=flow-system
readonly SERVER_NAMESPACE=flow-center
# Everything of ours has it.
readonly PART_OF=app.kubernetes.io/part-of=iflearner-flow

say() { printf '%s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

kube() { "${KUBECTL:-kubectl}" "$@"; }

# Whether there is such a thing; a cluster that does not answer is an error, and not "no".
there() {
  local found
  found=$(kube get "$@" --ignore-not-found --output name) || fail "cannot ask the cluster for: $*"
  [[ -n $found ]]
}

has_crd() { there customresourcedefinition "$CRD"; }

# A label of DNS: what names of namespaces and parties are.
check_name() {
  [[ $2 =~ ^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$ ]] || fail "$1 '$2' is no name: lower-case letters, digits and '-', at most 63"
}

# The value that an option must have.
value_of() {
  [[ -n ${2-} && $2 != --* ]] || fail "$1 needs a value"
  printf '%s' "$2"
}

cluster_answers() {
  kube version --output json >/dev/null 2>&1 || fail "no Kubernetes cluster answers: set KUBECONFIG, or check kubectl version"
}
