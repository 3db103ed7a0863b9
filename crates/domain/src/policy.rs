//! Deadlines and retries: nothing waits for ever (rule 4 of the design).

use serde::{Deserialize, Serialize};

use crate::time::Span;

macro_rules! deadlines {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:expr;)+) => {
        /// How long each phase may take. Absent ones fall back to the profile's, then to the built-in default.
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
        }
    };
}

deadlines! {
    /// From submission until every party is there and has room.
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
    /// For stopping what is left; the frameworks' grace is within it.
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

impl Policies {
    /// The priorities that may be asked for.
    pub const PRIORITIES: std::ops::RangeInclusive<i32> = -1000..=1000;

    /// The most retries that may be asked for.
    pub const MAX_RETRIES: u32 = 10;
}
