#!/usr/bin/env bash
# Takes Iflearner Flow, or a part of it, out of a Kubernetes cluster, and waits until it is gone.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$here/common.sh"

usage() {
  cat <<'TEXT'
uninstall.sh <component> [options]

Components
  federate   a party's agent and its jobs
  server     flow-server, and its jobs
  operator   all IflearnerJobs that it cares for, while it is there to see to it, then the operator
  crd        all IflearnerJobs, then their definition
  all        all of these

Options
  --namespace NAME   the namespace, where it is not that of install.sh (one component only)
  --party NAME       federate: the party, where no namespace is given
  --purge            also data volumes and the database's passwords
  --timeout SPAN     how long to wait for each thing (300s)

A namespace that holds volumes, kept or of others, stays with nothing of ours but these.
kubectl's settings count (KUBECONFIG); KUBECTL names another program.
TEXT
}

component='' namespace='' party='' purge='' timeout=300s
while (($#)); do
  case $1 in
    --namespace) namespace=$(value_of "$@"); shift ;;
    --party) party=$(value_of "$@"); shift ;;
    --purge) purge=yes ;;
    --timeout) timeout=$(value_of "$@"); shift ;;
    -h | --help) usage; exit ;;
    -*) fail "unknown option $1: see uninstall.sh --help" ;;
    *)
      [[ -z $component ]] || fail "one component at a time: $component, or $1?"
      component=$1
      ;;
  esac
  shift
done

# Deletes, and waits until what was deleted is gone.
remove() {
  kube delete "$@" --ignore-not-found --wait --timeout "$timeout" | sed -e '/^No resources found/d' -e 's/^/  /'
}

# The jobs of one namespace, or of all: what belongs to a job goes before the job does.
remove_jobs() {
  has_crd || return 0
  local where=(--all-namespaces) of="all namespaces"
  if [[ -n ${1-} ]]; then
    where=(--namespace "$1") of=$1
  fi
  say "deleting the IflearnerJobs of $of"
  remove iflearnerjobs --all --cascade=foreground "${where[@]}" ||
    fail "IflearnerJobs of $of are still there: see kubectl describe iflearnerjobs ${where[*]}"
}

# What is ours in a namespace, and the namespace, unless it has to stay.
remove_namespace() {
  local namespace=$1
  there namespace "$namespace" || return 0
  say "deleting what is ours in $namespace"
  # An agent goes before its jobs, or it would start them again.
  remove deployments,statefulsets --namespace "$namespace" --selector "$PART_OF" --cascade=foreground
  remove_jobs "$namespace"
  local kinds=services,poddisruptionbudgets,networkpolicies,rolebindings,roles,serviceaccounts,configmaps
  remove "$kinds" --namespace "$namespace" --selector "$PART_OF"
  remove secrets --namespace "$namespace" --selector "$PART_OF,flow.iflearner.io/keep!=data"
  # What an agent made: launchers and policies of its jobs.
  remove configmaps,networkpolicies --namespace "$namespace" --selector app.kubernetes.io/managed-by=flow-federate
  # What the operator's replicas wrote down.
  if there lease flow-operator --namespace "$namespace"; then
    remove leases flow-operator --namespace "$namespace"
  fi
  if [[ -n $purge ]]; then
    remove persistentvolumeclaims,secrets --namespace "$namespace" --selector "$PART_OF"
  fi
  if there persistentvolumeclaims --namespace "$namespace" --selector "$PART_OF"; then
    say "keeping the namespace $namespace for its data volumes, which --purge deletes"
  elif there persistentvolumeclaims --namespace "$namespace"; then
    say "keeping the namespace $namespace for its volumes, which are not ours"
  elif there namespaces --selector "$PART_OF,kubernetes.io/metadata.name=$namespace"; then
    say "deleting the namespace $namespace"
    remove namespace "$namespace"
  else
    say "keeping the namespace $namespace: it was not made by install.sh"
  fi
}

remove_operator() {
  local namespace=$1
  # With a ClusterRoleBinding it cares for all namespaces, else for its own.
  if there clusterrolebinding flow-operator; then
    remove_jobs
  else
    remove_jobs "$namespace"
  fi
  remove_namespace "$namespace"
  remove clusterrolebinding flow-operator
  remove clusterrole flow-operator
}

remove_crd() {
  remove_jobs
  say "deleting the definition of IflearnerJob"
  remove customresourcedefinition "$CRD"
  remove clusterrole flow-iflearnerjobs-view flow-iflearnerjobs-edit
}

# Namespaces that have a workload of ours with this name, or its kept volumes.
namespaces_with() {
  kube get deployments,statefulsets,persistentvolumeclaims --all-namespaces --selector "$PART_OF,app.kubernetes.io/name=$1" \
    --output 'jsonpath={range .items[*]}{.metadata.namespace}{"\n"}{end}' | sort -u
}

remove_all() {
  # The operator goes after all jobs, and agents before theirs.
  local program found operators
  for program in flow-federate flow-server; do
    for found in $(namespaces_with "$program"); do
      remove_namespace "$found"
    done
  done
  remove_jobs
  operators=$(namespaces_with flow-operator)
  for found in ${operators:-$OPERATOR_NAMESPACE}; do
    remove_operator "$found"
  done
  remove_crd
  # What an interrupted installation left: namespaces of ours without a workload.
  for found in $(kube get namespaces --selector "$PART_OF" --output 'jsonpath={.items[*].metadata.name}'); do
    remove_namespace "$found"
  done
}

[[ -z $namespace ]] || check_name "the namespace" "$namespace"
[[ -z $party ]] || check_name "the party" "$party"
case $component in
  '')
    usage >&2
    exit 2
    ;;
  federate)
    [[ -n $namespace || -n $party ]] || fail "which party? say it with --party NAME or --namespace NAME"
    cluster_answers
    remove_namespace "${namespace:-flow-$party}"
    ;;
  server)
    cluster_answers
    remove_namespace "${namespace:-$SERVER_NAMESPACE}"
    ;;
  operator)
    cluster_answers
    remove_operator "${namespace:-$OPERATOR_NAMESPACE}"
    ;;
  crd)
    cluster_answers
    remove_crd
    ;;
  all)
    [[ -z $namespace && -z $party ]] || fail "--namespace and --party are for one component"
    cluster_answers
    remove_all
    ;;
  *) fail "unknown component '$component': crd, operator, server, federate or all" ;;
esac
say "done: $component"
