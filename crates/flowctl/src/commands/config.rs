//! `flowctl config`

use std::collections::BTreeMap;

use flow_daemon::config::Loaded;

use crate::{
    Exit, Failure,
    output::{Format, Output},
    settings::{Settings, shown},
};

/// Shows each setting and where it comes from.
pub(super) fn run(settings: &Loaded<Settings>) -> Result<Exit, Failure> {
    let output = Output::new(settings.value.output);
    match output.format {
        Format::Table => settings
            .sources
            .iter()
            .try_for_each(|setting| output.line(shown(setting)))?,
        Format::Name => settings
            .sources
            .iter()
            .try_for_each(|setting| output.line(&setting.key))?,
        Format::Json | Format::Yaml => {
            let all: BTreeMap<&str, BTreeMap<&str, Option<String>>> = settings
                .sources
                .iter()
                .map(|setting| {
                    let source = setting.source.to_string().replace("FLOWCTL__", "FLOWCTL_");
                    let entry = BTreeMap::from([("value", setting.value.clone()), ("source", Some(source))]);
                    (setting.key.as_str(), entry)
                })
                .collect();
            output.whole(&all)?;
        }
    }
    Ok(Exit::OK)
}
