//! Whose agent is attached where.

use flow_domain::{
    PartyId, Timestamp,
    party::{Liveness, Presence},
};
use sea_orm::{
    ConnectionTrait, StatementBuilder,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query},
};

use super::{
    super::{Failed, Sql, StoreError, Tries, bounded, commit},
    as_stored,
};
use crate::store::shared::{Attached, Notice, SessionId};

impl Sql {
    /// The newest session of a party's agent is this one.
    pub(in crate::store) async fn attached(&self, attached: &Attached) -> Result<(), StoreError> {
        let Presence { liveness, since } = attached.presence;
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("presence"))
            .columns(["party", "server_id", "session", "liveness", "since"].map(Alias::new))
            .values_panic([
                attached.party.as_str().into(),
                attached.session.server.to_string().into(),
                as_stored(attached.session.number).into(),
                name(liveness).into(),
                since.0.into(),
            ])
            .on_conflict(
                OnConflict::column(Alias::new("party"))
                    .update_columns(["server_id", "session", "liveness", "since"].map(Alias::new))
                    .to_owned(),
            );
        self.presence(&attached.party, &insert).await.map(drop)
    }

    /// A session came to be heard less or more of, or ended; false if a newer one of the party's has taken its place.
    pub(in crate::store) async fn heard(&self, attached: &Attached) -> Result<bool, StoreError> {
        let Presence { liveness, since } = attached.presence;
        let mut update = Query::update();
        update
            .table(Alias::new("presence"))
            .value(Alias::new("liveness"), name(liveness))
            .value(Alias::new("since"), since.0)
            .and_where(Expr::col("party").eq(attached.party.as_str()))
            .and_where(Expr::col("server_id").eq(attached.session.server.to_string()))
            .and_where(Expr::col("session").eq(as_stored(attached.session.number)));
        self.presence(&attached.party, &update).await
    }

    /// Writes a party's presence, and notes it for the others; answers whether there was something to write.
    async fn presence(&self, party: &PartyId, statement: &impl StatementBuilder) -> Result<bool, StoreError> {
        let notice = Notice::Party(party.clone());
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let done: Result<bool, Failed<bool>> = async {
                    let tx = self.db.begin().await?;
                    let written = tx.execute(statement).await?.rows_affected() > 0;
                    self.note(&tx, &notice).await?;
                    commit(tx, written).await
                }
                .await;
                match done {
                    Ok(written) => return Ok(written),
                    // Once more does no harm.
                    Err(failed) => drop(tries.settle(failed, async || Ok(false)).await?),
                }
            }
        })
        .await
    }

    /// The newest session of each party's agent, or of this party's.
    pub(in crate::store) async fn presences(&self, party: Option<&PartyId>) -> Result<Vec<Attached>, StoreError> {
        let mut select = Query::select();
        select
            .columns(["party", "server_id", "session", "liveness", "since"].map(Alias::new))
            .from(Alias::new("presence"));
        if let Some(party) = party {
            select.and_where(Expr::col("party").eq(party.as_str()));
        }
        let mut found = Vec::new();
        for row in self.db.rows(&select).await? {
            let party: String = row.try_get("", "party")?;
            let server: String = row.try_get("", "server_id")?;
            let (number, since): (i64, i64) = (row.try_get("", "session")?, row.try_get("", "since")?);
            let liveness: String = row.try_get("", "liveness")?;
            // Only valid names were ever written.
            let (Ok(party), Ok(server)) = (party.parse(), server.parse()) else {
                continue;
            };
            found.push(Attached {
                party,
                session: SessionId {
                    server,
                    number: u64::try_from(number).unwrap_or_default(),
                },
                presence: Presence {
                    liveness: named(&liveness),
                    since: Timestamp(since),
                },
            });
        }
        Ok(found)
    }
}

fn name(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Online => "Online",
        Liveness::Suspect => "Suspect",
        Liveness::Offline => "Offline",
    }
}

fn named(text: &str) -> Liveness {
    let all = [Liveness::Online, Liveness::Suspect];
    all.into_iter()
        .find(|liveness| name(*liveness) == text)
        .unwrap_or(Liveness::Offline)
}
