//! `flowctl template …` and `flowctl task …`: things that are stored by name.

use flow_api::{TaskView, TemplateView};
use flow_domain::{TaskSpec, TemplateSpec};
use serde::{Serialize, de::DeserializeOwned};

use super::Session;
use crate::{
    Exit, Failure, cli,
    manifest::{self, Document},
    output::{Format, Row, fields, yaml},
};

/// Something that is stored by name.
pub trait Stored: Row + Serialize + DeserializeOwned {
    /// What is sent to make one.
    type Spec: Serialize + DeserializeOwned;

    /// Its revision.
    fn revision(&self) -> u32;

    /// What it says.
    fn spec(&self) -> &Self::Spec;

    /// Id, revision and times.
    fn facts(&self) -> Vec<(&'static str, String)>;
}

macro_rules! stored {
    ($view:ty, $spec:ty) => {
        impl Stored for $view {
            type Spec = $spec;

            fn revision(&self) -> u32 {
                self.revision
            }

            fn spec(&self) -> &$spec {
                &self.spec
            }

            fn facts(&self) -> Vec<(&'static str, String)> {
                vec![
                    ("Name", self.spec.name.to_string()),
                    ("Id", self.id.to_string()),
                    ("Revision", self.revision.to_string()),
                    ("Created", self.created_at.to_string()),
                    ("Modified", self.modified_at.to_string()),
                ]
            }
        }
    };
}

stored!(TemplateView, TemplateSpec);
stored!(TaskView, TaskSpec);

/// Does what was asked with things of one kind.
pub(super) async fn run<T: Stored>(session: &Session, command: &cli::Stored) -> Result<Exit, Failure> {
    match command {
        cli::Stored::Create { file } => {
            // All of the file is read before anything is created.
            let documents = manifest::read::<T::Spec>(file)?;
            for document in &documents {
                create::<T>(session, document, documents.len()).await?;
            }
        }
        cli::Stored::List(list) => {
            let page = session.client.list::<T>(&[T::PLURAL], &[], list.limit).await?;
            session.output.list(&page)?;
        }
        cli::Stored::Get(which) => session.output.many(&fetch::<T>(session, &which.names).await?)?,
        cli::Stored::Describe(which) => {
            let items = fetch::<T>(session, &which.names).await?;
            if session.output.format.is_whole() {
                session.output.many(&items)?;
                return Ok(Exit::OK);
            }
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    session.output.line("")?;
                }
                session.output.line(fields(&item.facts()))?;
                session.output.line(format!("Spec:\n{}", indent(&yaml(item.spec())?)))?;
            }
        }
        cli::Stored::Delete(which) => {
            for name in &which.names {
                let path = [T::PLURAL, name.as_str()];
                let item: T = session.client.get(&path, &[]).await?;
                session.client.delete(&path, item.revision()).await?;
                session.output.done(&item, "deleted")?;
            }
        }
    }
    Ok(Exit::OK)
}

async fn create<T: Stored>(session: &Session, document: &Document<T::Spec>, of: usize) -> Result<(), Failure> {
    let created = session.client.create::<_, T>(&[T::PLURAL], &document.content).await;
    let item = created.map_err(|failure| document.locate(failure))?;
    match session.output.format {
        Format::Yaml if of > 1 => session.output.yaml_document(&item),
        Format::Json if of > 1 => session.output.json_line(&item),
        _ => session.output.done(&item, "created"),
    }
}

async fn fetch<T: Stored>(session: &Session, names: &[String]) -> Result<Vec<T>, Failure> {
    let mut items = Vec::with_capacity(names.len());
    for name in names {
        items.push(session.client.get(&[T::PLURAL, name], &[]).await?);
    }
    Ok(items)
}

fn indent(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}\n"));
    lines.collect()
}
