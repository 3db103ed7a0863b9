//! Labels and names that the operator uses.

/// The label that ties a job's Service to its Pod; its value is the job's name. From the original operator.
pub const APP: &str = "app";

/// The recommended label that names who makes an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The operator's name: the value of [`MANAGED_BY`], and its field manager.
pub const OPERATOR: &str = "flow-operator";

/// The label of every object of a job with the job's role.
pub const ROLE: &str = "git.iflytek.com/role";

/// The label of a pod with the number of its attempt, from 0.
pub const ATTEMPT: &str = "git.iflytek.com/attempt";

/// The annotation of a pod with the digest of the template that it was made of.
pub const TEMPLATE: &str = "git.iflytek.com/template-sha256";
