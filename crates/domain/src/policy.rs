//! Deadlines and retries: nothing waits for ever (rule 4 of the design).

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// What is known of one deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Its name, as it is written under `deadlines`.
    pub name: &'static str,
    /// How long it is where nobody says so.
    pub default: Span,
    counts: &'static str,
}

impl Deadline {
    /// What time counts, as a sentence.
    pub fn counts(&self) -> &'static str {
        self.counts.trim_ascii()
    }
}

macro_rules! deadlines {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:expr;)+) => {
        /// How long each phase may take. Of task, template, its own profile, server and built-in profile the first that says so counts,
        /// else the built-in default.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields)]
        pub struct Deadlines {
            $($(#[doc = $doc])+ #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<Span>,)+
        }

        impl Deadlines {
            /// These, with what is absent taken from `fallback`.
            #[must_use]
            pub fn or(&self, fallback: &Self) -> Self {
                Self { $($name: self.$name.or(fallback.$name),)+ }
            }

            $($(#[doc = $doc])+ pub fn $name(&self) -> Span { self.$name.unwrap_or($default) })+

            /// Every deadline there is.
            pub const ALL: &'static [Deadline] = &[$(Deadline {
                name: stringify!($name),
                default: $default,
                counts: concat!($($doc),+),
            },)+];
        }
    };
}

deadlines! {
    /// From submission until somebody has approved or rejected a run that asks for it.
    approve = Span::hours(24);
    /// From submission, approval or the end of a back-off until every party is there and has room, attempts that were given back included.
    queue = Span::hours(24);
    /// Until every participant has checked and reserved what it needs.
    prepare = Span::mins(5);
    /// While container images of members that are to start are on their way, all such times together.
    pull = Span::mins(15);
    /// From the start of the first role until every member is up and ready, the time for images not counted.
    start = Span::mins(5);
    /// While every member is up and ready, and not all have registered.
    register = Span::mins(5);
    /// The training itself.
    run = Span::hours(24);
    /// Without any progress of any member.
    stall = Span::mins(15);
    /// For stopping what is left, on top of the framework's grace.
    stop = Span::mins(1);
    /// How long a party's agent may be away while it has a part in a run.
    offline = Span::mins(1);
}

/// How a run is to be treated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// How often a failed gang (or member, as the profile says) is started again; at most 10.
    #[serde(default)]
    pub max_retries: u32,
    /// How long each phase may take.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// Of runs that wait for the same, the higher goes first; from -1000 to 1000.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// What becomes of an attempt once a party was away for longer than the offline deadline.
    #[serde(default, skip_serializing_if = "OnOffline::is_default")]
    pub on_offline: OnOffline,
    /// Whether somebody has to approve each run before it waits for its turn.
    #[serde(default, skip_serializing_if = "is_false")]
    pub approval: bool,
}

/// What a template says of how its runs are to be treated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TemplatePolicies {
    /// How long each phase may take, where the task does not say.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// Whether somebody has to approve each run, also where the task does not ask for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub approval: bool,
}

impl TemplatePolicies {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of an attempt whose party stays away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnOffline {
    /// It fails, and the gang starts again if a retry is left: with that party, once it is back.
    #[default]
    Restart,
    /// The run fails, whatever retries are left.
    Fail,
}

impl OnOffline {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(priority: &i32) -> bool {
    *priority == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_false(asked: &bool) -> bool {
    !asked
}

impl Policies {
    /// The priorities that may be asked for.
    pub const PRIORITIES: std::ops::RangeInclusive<i32> = -1000..=1000;

    /// The most retries that may be asked for.
    pub const MAX_RETRIES: u32 = 10;
}
