//! One list of error codes for every surface: HTTP (RFC 9457), gRPC and the CLI's exit code.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident, $text:literal, $http:literal, $grpc:literal, $exit:literal;)+) => {
        /// What kind of error it is, for programs to act on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode { $($(#[doc = $doc])+ $name,)+ }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code as it is written in problem documents.
            pub fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)+ } }

            /// The HTTP status that carries it.
            pub fn http(self) -> u16 { match self { $(Self::$name => $http,)+ } }

            /// The gRPC status that carries it.
            pub fn grpc(self) -> i32 { match self { $(Self::$name => $grpc,)+ } }

            /// The exit code of a command that ends with it.
            pub fn exit(self) -> u8 { match self { $(Self::$name => $exit,)+ } }

            /// What it means, as one sentence.
            pub fn meaning(self) -> &'static str { match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ } }
        }
    };
}

codes! {
    /// The request or file is not well-formed or breaks a rule.
    Invalid, "invalid", 400, 3, 2;
    /// The caller showed no valid identity.
    Unauthenticated, "unauthenticated", 401, 16, 4;
    /// The caller may not do this.
    Forbidden, "forbidden", 403, 7, 4;
    /// The thing that is named does not exist.
    NotFound, "not_found", 404, 5, 5;
    /// The name is taken, or the thing is in a state that does not allow this.
    Conflict, "conflict", 409, 9, 6;
    /// The thing was changed since it was read.
    Stale, "stale", 412, 10, 6;
    /// The request is larger than the limit.
    TooLarge, "too_large", 413, 11, 2;
    /// The body is of a type that is not understood.
    UnsupportedMedia, "unsupported_media", 415, 3, 2;
    /// Too many requests at once; try again later.
    Overloaded, "overloaded", 429, 8, 7;
    /// A fault inside the platform.
    Internal, "internal", 500, 13, 1;
    /// Something the platform needs is away for now; try again later.
    Unavailable, "unavailable", 503, 14, 7;
    /// It took longer than its deadline.
    Timeout, "timeout", 504, 4, 8;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
