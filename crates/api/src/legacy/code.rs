//! The codes of answers: a closed list, as clients know it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetCode {
    /// As it should.
    Success,
    /// A parameter, or the body, is not right.
    ParamInvalid,
    /// There is such a federate already.
    FederateRegistered,
    /// There is no such template.
    TemplateNotFound,
    /// The name belongs to another template.
    TemplateNameTaken,
    /// A template needs a name.
    TemplateNameEmpty,
    /// There is no such task.
    TaskNotFound,
    /// The name belongs to another task.
    TaskNameTaken,
    /// A task needs a name.
    TaskNameEmpty,
    /// The task is in no state for that: started while active, stopped or deleted at the wrong time.
    StatusConflict,
    /// A party of the task is not registered.
    TaskPartyNotFound,
    /// Of a party only: the server is away, or failed.
    ServerFailed,
    /// Of a party only: the server refused.
    ServerRefused,
}

impl RetCode {
    /// All of them, by number.
    pub const ALL: [Self; 13] = [
        Self::Success,
        Self::ParamInvalid,
        Self::FederateRegistered,
        Self::TemplateNotFound,
        Self::TemplateNameTaken,
        Self::TemplateNameEmpty,
        Self::TaskNotFound,
        Self::TaskNameTaken,
        Self::TaskNameEmpty,
        Self::StatusConflict,
        Self::TaskPartyNotFound,
        Self::ServerFailed,
        Self::ServerRefused,
    ];

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Success => 0,
            Self::ParamInvalid => 10000,
            Self::FederateRegistered => 10100,
            Self::TemplateNotFound => 10200,
            Self::TemplateNameTaken => 10201,
            Self::TemplateNameEmpty => 10202,
            Self::TaskNotFound => 10300,
            Self::TaskNameTaken => 10301,
            Self::TaskNameEmpty => 10302,
            Self::StatusConflict => 10303,
            Self::TaskPartyNotFound => 10304,
            Self::ServerFailed => 20100,
            Self::ServerRefused => 20101,
        }
    }

    /// What it says by itself.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::ParamInvalid => "request param invalid",
            Self::FederateRegistered => "federate has been registered",
            Self::TemplateNotFound => "template not found",
            Self::TemplateNameTaken => "duplicate template name",
            Self::TemplateNameEmpty => "empty template name",
            Self::TaskNotFound => "task not found",
            Self::TaskNameTaken => "duplicate task name",
            Self::TaskNameEmpty => "empty task name",
            // The contract's own spelling: clients may look for it.
            Self::StatusConflict => "status conflicit",
            Self::TaskPartyNotFound => "task party not found",
            Self::ServerFailed => "server internal error",
            Self::ServerRefused => "server answered a ret_code",
        }
    }

    /// The one of that number.
    #[must_use]
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}

impl Serialize for RetCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.number())
    }
}

impl<'de> Deserialize<'de> for RetCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        Self::of_number(number).ok_or_else(|| de::Error::custom(format!("{number} is no ret_code")))
    }
}

impl PartialSchema for RetCode {
    fn schema() -> RefOr<Schema> {
        let numbers = Self::ALL.map(|code| format!("{} {}", code.number(), code.message()));
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .enum_values(Some(Self::ALL.map(Self::number)))
            .description(Some(numbers.join("; ")))
            .into()
    }
}

impl ToSchema for RetCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_code_and_read_again() {
        for code in RetCode::ALL {
            let text = serde_json::to_string(&code).unwrap();
            assert_eq!(text, code.number().to_string());
            assert_eq!(serde_json::from_str::<RetCode>(&text).unwrap(), code);
        }
        assert!(serde_json::from_str::<RetCode>("10999").is_err());
    }
}
