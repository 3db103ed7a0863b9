//! What a template leaves open about its pod's rights, as the Pod Security standard `restricted` wants it.
//!
//! What a template does say stays: it may be more than `restricted` allows, and then the cluster's admission decides.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext};

pub(super) fn restrict(spec: &mut PodSpec, user: i64) {
    // Whoever names a service account wants to use it.
    let anonymous = spec.service_account_name.as_ref().is_none_or(String::is_empty);
    if anonymous {
        spec.automount_service_account_token.get_or_insert(false);
    }
    // None of the rest exists there, and the API server refuses it.
    if spec.os.as_ref().is_some_and(|os| os.name == "windows") {
        return;
    }
    let pod = spec.security_context.get_or_insert_default();
    restrict_pod(pod, user);
    let containers = spec
        .containers
        .iter_mut()
        .chain(spec.init_containers.iter_mut().flatten());
    for container in containers {
        restrict_container(container.security_context.get_or_insert_default());
    }
}

fn restrict_pod(context: &mut PodSecurityContext, user: i64) {
    let user = *context.run_as_user.get_or_insert(user);
    if user != 0 {
        context.run_as_non_root.get_or_insert(true);
    }
    context.seccomp_profile.get_or_insert_with(|| SeccompProfile {
        type_: "RuntimeDefault".to_owned(),
        localhost_profile: None,
    });
}

fn restrict_container(context: &mut SecurityContext) {
    if context.run_as_user == Some(0) {
        // Or the pod's `runAsNonRoot` would contradict it, and the container never start.
        context.run_as_non_root.get_or_insert(false);
    }
    let added = context
        .capabilities
        .iter()
        .flat_map(|capabilities| capabilities.add.iter().flatten());
    let powerful =
        context.privileged == Some(true) || { added }.any(|name| name.trim_start_matches("CAP_") == "SYS_ADMIN");
    // The API server refuses a pod that says both.
    if !powerful {
        context.allow_privilege_escalation.get_or_insert(false);
    }
    if context.privileged != Some(true) {
        let capabilities = context.capabilities.get_or_insert_with(Capabilities::default);
        capabilities.drop.get_or_insert_with(|| vec!["ALL".to_owned()]);
    }
}
