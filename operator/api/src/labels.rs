//! Labels and names that the operator uses.

/// The label that ties a job's Service to its Pod; its value is the job's name. From the original operator.
pub const APP: &str = "app";

/// The recommended label that names who makes an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The operator's name: the value of [`MANAGED_BY`], and its field manager.
pub const OPERATOR: &str = "flow-operator";
