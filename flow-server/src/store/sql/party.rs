//! Parties in the store.

use flow_domain::{PartyId, Timestamp, labels::Labels, party::Party, queue::Capacity};
use sea_orm::{
    ConnectionTrait, QueryResult, StatementBuilder,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Failed, Sql, StoreError, Tries, bounded, from_json, to_json};

#[derive(Serialize, Deserialize)]
struct Body {
    datasets: Vec<String>,
    agent_version: String,
    #[serde(default)]
    capacity: Capacity,
    #[serde(default)]
    site: Option<String>,
    #[serde(default)]
    labels: Labels,
}

fn table() -> Alias {
    Alias::new("party")
}

fn select() -> SelectStatement {
    let mut select = Query::select();
    select
        .columns(["id", "registered_at", "last_seen", "body"].map(Alias::new))
        .from(table())
        .order_by(Alias::new("id"), Order::Asc);
    select
}

fn read(row: &QueryResult) -> Result<Option<Party>, StoreError> {
    let id: String = row.try_get("", "id")?;
    let body: Value = row.try_get("", "body")?;
    let Body {
        datasets,
        agent_version,
        capacity,
        site,
        labels,
    } = from_json("party", body)?;
    // Only valid names were ever written.
    let Ok(id) = id.parse::<PartyId>() else { return Ok(None) };
    Ok(Some(Party {
        id,
        datasets,
        agent_version,
        capacity,
        site,
        labels,
        registered_at: Timestamp(row.try_get("", "registered_at")?),
        last_seen: Timestamp(row.try_get("", "last_seen")?),
    }))
}

impl Sql {
    /// Stores what a party's agent told when it attached. The first time registers the party.
    ///
    /// # Errors
    /// If the database does not do it.
    pub(in crate::store) async fn party_seen(&self, party: &Party) -> Result<(), StoreError> {
        let body = Body {
            datasets: party.datasets.clone(),
            agent_version: party.agent_version.clone(),
            capacity: party.capacity,
            site: party.site.clone(),
            labels: party.labels.clone(),
        };
        let mut insert = Query::insert();
        insert
            .into_table(table())
            .columns(["id", "registered_at", "last_seen", "body"].map(Alias::new))
            .values_panic([
                party.id.as_str().into(),
                party.registered_at.0.into(),
                party.last_seen.0.into(),
                to_json("party", &body)?.into(),
            ])
            .on_conflict(
                OnConflict::column(Alias::new("id"))
                    .update_columns(["last_seen", "body"].map(Alias::new))
                    .to_owned(),
            );
        self.put_party(&insert).await
    }

    /// Stores when a party was last heard.
    ///
    /// # Errors
    /// If the database does not do it.
    pub(in crate::store) async fn party_left(&self, party: &PartyId, at: Timestamp) -> Result<(), StoreError> {
        let mut update = Query::update();
        update
            .table(table())
            .value(Alias::new("last_seen"), at.0)
            .and_where(Expr::col("id").eq(party.as_str()));
        self.put_party(&update).await
    }

    /// Carries out a statement that may be carried out twice.
    async fn put_party(&self, statement: &impl StatementBuilder) -> Result<(), StoreError> {
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let _turn = self.db.turn().await;
                let Err(error) = self.db.execute(statement).await else {
                    return Ok(());
                };
                let failed = Failed::of_statement(error, ());
                tries.settle(failed, async || Ok(false)).await?;
            }
        })
        .await
    }

    /// One party.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn party(&self, id: &PartyId) -> Result<Option<Party>, StoreError> {
        let mut query = select();
        query.and_where(Expr::col("id").eq(id.as_str()));
        let row = self.db.row(&query).await?;
        row.as_ref().map(read).transpose().map(Option::flatten)
    }

    /// Those of these parties that there are, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn parties_named(&self, ids: &[PartyId]) -> Result<Vec<Party>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = select();
        query.and_where(Expr::col("id").is_in(ids.iter().map(PartyId::as_str)));
        let rows = self.db.rows(&query).await?;
        let read: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(read?.into_iter().flatten().collect())
    }

    /// Parties by name, after the one named `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn parties(
        &self,
        after: Option<&PartyId>,
        limit: u64,
    ) -> Result<Vec<Party>, StoreError> {
        let mut query = select();
        query.limit(limit);
        if let Some(after) = after {
            query.and_where(Expr::col("id").gt(after.as_str()));
        }
        let rows = self.db.rows(&query).await?;
        let read: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(read?.into_iter().flatten().collect())
    }
}
