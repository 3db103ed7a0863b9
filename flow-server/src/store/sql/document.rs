//! Templates and tasks: named documents with a revision. One piece of code for both tables.

use flow_domain::RunState;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, FromQueryResult, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement},
};
use serde_json::Value;

use super::{
    Claim, Created, Failed, Sql, StoreError, Tries, bounded, commit, idempotency, is_duplicate,
    pages::{self, Parties},
};

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Template,
    Task,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Task => "task",
        }
    }

    fn table(self) -> Alias {
        Alias::new(self.name())
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Template => &["id", "name", "revision", "spec", "created_at", "modified_at"],
            Self::Task => &[
                "id",
                "name",
                "revision",
                "spec",
                "created_at",
                "modified_at",
                "template_id",
            ],
        }
    }

    pub(super) fn select(self) -> SelectStatement {
        let mut select = Query::select();
        select.from(self.table());
        for column in self.columns() {
            select.column(Alias::new(*column));
        }
        select
    }
}

/// One row.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) revision: i64,
    pub(super) spec: Value,
    pub(super) created_at: i64,
    pub(super) modified_at: i64,
    /// Only tasks have one.
    pub(super) template_id: Option<String>,
    /// Who takes part, for writing.
    pub(super) parties: Parties,
}

impl FromQueryResult for Document {
    fn from_query_result(row: &QueryResult, pre: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            id: row.try_get(pre, "id")?,
            name: row.try_get(pre, "name")?,
            revision: row.try_get(pre, "revision")?,
            spec: row.try_get(pre, "spec")?,
            created_at: row.try_get(pre, "created_at")?,
            modified_at: row.try_get(pre, "modified_at")?,
            template_id: row.try_get(pre, "template_id").ok(),
            parties: Parties::new(),
        })
    }
}

/// How one is looked up.
pub(super) enum By<'a> {
    Id(&'a str),
    Name(&'a str),
}

impl Sql {
    pub(super) async fn insert_document(
        &self,
        kind: Kind,
        row: Document,
        claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let failed = match self.try_insert_document(kind, row.clone(), claim).await {
                    Ok(created) => return Ok(created),
                    Err(failed) => failed,
                };
                let is_done = async || Ok(self.db.has_row(kind.name(), &row.id).await?);
                if let Some(created) = tries.settle(failed, is_done).await? {
                    return Ok(created);
                }
            }
        })
        .await
    }

    async fn try_insert_document(
        &self,
        kind: Kind,
        row: Document,
        claim: Option<&Claim>,
    ) -> Result<Created, Failed<Created>> {
        let tx = self.db.begin().await?;
        if let Some(before) = idempotency::claim(&tx, claim, &row.id, row.created_at).await? {
            return Ok(Created::Before(before));
        }
        let mut insert = Query::insert();
        insert
            .into_table(kind.table())
            .columns(kind.columns().iter().map(|column| Alias::new(*column)));
        let mut values: Vec<Expr> = vec![
            row.id.clone().into(),
            row.name.clone().into(),
            row.revision.into(),
            row.spec.into(),
            row.created_at.into(),
            row.modified_at.into(),
        ];
        values.extend(row.template_id.map(Into::into));
        insert.values_panic(values);
        tx.execute(&insert).await.map_err(|error| taken(error, &row.name))?;
        pages::made(&tx, kind, &row.id, &row.parties).await?;
        commit(tx, Created::New).await
    }

    pub(super) async fn find_document(&self, kind: Kind, by: By<'_>) -> Result<Option<Document>, StoreError> {
        let mut select = kind.select();
        match by {
            By::Id(id) => select.and_where(Expr::col("id").eq(id)),
            By::Name(name) => select.and_where(Expr::col("name").eq(name)),
        };
        let row = self.db.row(&select).await?;
        Ok(row.map(|row| Document::from_query_result(&row, "")).transpose()?)
    }

    /// Newest first; `after` is the id of the last one of the page before.
    pub(super) async fn list_documents(
        &self,
        kind: Kind,
        name: Option<&str>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Document>, StoreError> {
        let mut select = kind.select();
        select.order_by(Alias::new("id"), Order::Desc).limit(limit);
        if let Some(name) = name {
            select.and_where(Expr::col("name").eq(name));
        }
        if let Some(after) = after {
            select.and_where(Expr::col("id").lt(after));
        }
        let rows = self.db.rows(&select).await?;
        let rows: Result<Vec<_>, _> = rows.iter().map(|row| Document::from_query_result(row, "")).collect();
        Ok(rows?)
    }

    /// Replaces what has revision `row.revision - 1`.
    pub(super) async fn update_document(&self, kind: Kind, row: Document) -> Result<(), StoreError> {
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let Err(failed) = self.try_update_document(kind, row.clone()).await else {
                    return Ok(());
                };
                let is_done = || self.is_updated(kind, &row);
                if tries.settle(failed, is_done).await?.is_some() {
                    return Ok(());
                }
            }
        })
        .await
    }

    async fn try_update_document(&self, kind: Kind, row: Document) -> Result<(), Failed<()>> {
        let mut update = Query::update();
        update
            .table(kind.table())
            .value(Alias::new("name"), row.name.clone())
            .value(Alias::new("revision"), row.revision)
            .value(Alias::new("spec"), row.spec)
            .value(Alias::new("modified_at"), row.modified_at)
            .and_where(Expr::col("id").eq(row.id.as_str()))
            .and_where(Expr::col("revision").eq(row.revision - 1));
        if let Some(template) = row.template_id {
            update.value(Alias::new("template_id"), template);
        }
        // Not a transaction of its own: one that is under way to the database holds no lock, so whoever looks whether it
        // was done could be too early.
        let tx = self.db.begin().await?;
        let done = tx.execute(&update).await.map_err(|error| taken(error, &row.name))?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Stale.into());
        }
        if kind == Kind::Task {
            pages::changed(&tx, &row.id, &row.parties).await?;
        }
        commit(tx, ()).await
    }

    /// Whether a change is there. If there is another one by now it is stale, with or without this one before.
    async fn is_updated(&self, kind: Kind, row: &Document) -> Result<bool, StoreError> {
        let mut select = kind.select();
        select.and_where(Expr::col("id").eq(row.id.as_str()));
        self.db.lock(&mut select);
        let Some(found) = self.db.query_one(&select).await? else {
            return Err(StoreError::Stale);
        };
        let found = Document::from_query_result(&found, "")?;
        if found.revision == row.revision - 1 {
            return Ok(false);
        }
        let is_ours = found.revision == row.revision && found.modified_at == row.modified_at && found.spec == row.spec;
        if is_ours { Ok(true) } else { Err(StoreError::Stale) }
    }

    /// Deletes what has that revision and nothing refers to.
    pub(super) async fn delete_document(&self, kind: Kind, id: &str, revision: i64) -> Result<(), StoreError> {
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let Err(failed) = self.try_delete_document(kind, id, revision).await else {
                    return Ok(());
                };
                let is_gone = async || Ok(!self.db.has_row(kind.name(), id).await?);
                if tries.settle(failed, is_gone).await?.is_some() {
                    return Ok(());
                }
            }
        })
        .await
    }

    async fn try_delete_document(&self, kind: Kind, id: &str, revision: i64) -> Result<(), Failed<()>> {
        let tx = self.db.begin().await?;
        if let Some(user) = user_of(&tx, kind, id).await? {
            return Err(StoreError::InUse(user).into());
        }
        let mut delete = Query::delete();
        delete
            .from_table(kind.table())
            .and_where(Expr::col("id").eq(id))
            .and_where(Expr::col("revision").eq(revision));
        let done = tx.execute(&delete).await?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Stale.into());
        }
        pages::gone(&tx, kind, id).await?;
        commit(tx, ()).await
    }
}

/// A task of the template, or an unfinished run of the task. Finished runs keep what they were started with.
async fn user_of(tx: &DatabaseTransaction, kind: Kind, id: &str) -> Result<Option<String>, StoreError> {
    let mut select = Query::select();
    select.limit(1);
    let (column, what) = match kind {
        Kind::Template => {
            select
                .from(Alias::new("task"))
                .and_where(Expr::col("template_id").eq(id));
            ("name", "task")
        }
        Kind::Task => {
            let unfinished = RunState::ALL.into_iter().filter(|state| !state.is_terminal());
            select
                .from(Alias::new("run"))
                .and_where(Expr::col("task_id").eq(id))
                .and_where(Expr::col("state").is_in(unfinished.map(|state| state.to_string())));
            ("id", "run")
        }
    };
    select.column(Alias::new(column));
    let row = tx.query_one(&select).await?;
    let user: Option<String> = row.map(|row| row.try_get("", column)).transpose()?;
    Ok(user.map(|user| format!("{what} '{user}'")))
}

fn taken(error: sea_orm::DbErr, name: &str) -> StoreError {
    if is_duplicate(&error) {
        StoreError::NameTaken(name.to_owned())
    } else {
        error.into()
    }
}
