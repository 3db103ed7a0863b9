//! Several servers on one database. All times here are the database's own: no two servers' clocks are compared.

use flow_domain::{
    PartyId, Timestamp,
    party::{Liveness, Presence},
};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, StatementBuilder,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SimpleExpr},
};

use super::{
    Sql, StoreError,
    tries::{Failed, Tries, bounded, commit},
};
use crate::store::shared::{Attached, Beat, Beaten, Fence, Notice, Noticed, ServerId, SessionId, TERM};

/// The most notices that are read at a time.
const NOTICES: u64 = 1000;

fn term() -> i64 {
    i64::try_from(TERM.as_micros()).unwrap_or(i64::MAX)
}

impl Sql {
    /// Whether several servers may use the database.
    pub(in crate::store) fn is_shared(&self) -> bool {
        self.db.get_database_backend() == DbBackend::MySql
    }

    /// The database's time, in microseconds.
    fn now(&self) -> SimpleExpr {
        Expr::cust(match self.db.get_database_backend() {
            DbBackend::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
            _ => "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
        })
    }

    /// Gives a sign of life, and takes or renews leases.
    pub(in crate::store) async fn beat(&self, beat: &Beat) -> Result<Beaten, StoreError> {
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let failed = match self.try_beat(beat).await {
                    Ok(beaten) => return Ok(beaten),
                    Err(failed) => failed,
                };
                // Once more does no harm.
                tries.settle(failed, async || Ok(false)).await?;
            }
        })
        .await
    }

    async fn try_beat(&self, beat: &Beat) -> Result<Beaten, Failed<Beaten>> {
        let tx = self.begin().await?;
        let me = beat.server.to_string();
        if beat.first && !beat.address.is_empty() {
            self.bury(&tx, &beat.address, &me).await?;
        }
        let mut here = Query::insert();
        here.into_table(Alias::new("server"))
            .columns(["id", "address", "seen_at"].map(Alias::new))
            .values_panic([me.as_str().into(), beat.address.as_str().into(), self.now()])
            .on_conflict(
                OnConflict::column(Alias::new("id"))
                    .update_columns(["address", "seen_at"].map(Alias::new))
                    .to_owned(),
            );
        tx.execute(&here).await?;
        for name in &beat.wants {
            self.want(&tx, name, &me).await?;
        }
        let mut held = Query::select();
        held.columns(["name", "epoch"].map(Alias::new))
            .from(Alias::new("lease"))
            .and_where(Expr::col("holder").eq(me.as_str()))
            .and_where(Expr::col("until").gt(self.now()));
        let mut time = Query::select();
        time.expr_as(self.now(), Alias::new("now"));
        let mut beaten = Beaten::default();
        if let Some(row) = tx.query_one(&time).await? {
            beaten.time = row.try_get("", "now")?;
        }
        for row in tx.query_all(&held).await? {
            let epoch: i64 = row.try_get("", "epoch")?;
            let epoch = u64::try_from(epoch).unwrap_or_default();
            beaten.leases.insert(row.try_get("", "name")?, epoch);
        }
        let mut others = Query::select();
        others
            .columns(["id", "address"].map(Alias::new))
            .from(Alias::new("server"))
            .and_where(Expr::col("id").ne(me.as_str()))
            .and_where(Expr::col("seen_at").gt(self.now().sub(term())));
        for row in tx.query_all(&others).await? {
            let id: String = row.try_get("", "id")?;
            // Only valid ids were ever written.
            if let Ok(id) = id.parse() {
                beaten.others.insert(id, row.try_get("", "address")?);
            }
        }
        commit(tx, beaten).await
    }

    /// Whoever was at that address before is gone: what it held is free.
    async fn bury(&self, tx: &DatabaseTransaction, address: &str, me: &str) -> Result<(), StoreError> {
        let mut before = Query::select();
        before
            .column(Alias::new("id"))
            .from(Alias::new("server"))
            .and_where(Expr::col("address").eq(address))
            .and_where(Expr::col("id").ne(me));
        for row in tx.query_all(&before).await? {
            let id: String = row.try_get("", "id")?;
            let mut free = Query::update();
            free.table(Alias::new("lease"))
                .value(Alias::new("until"), 0i64)
                .and_where(Expr::col("holder").eq(id.as_str()));
            tx.execute(&free).await?;
            let mut gone = Query::delete();
            gone.from_table(Alias::new("server"))
                .and_where(Expr::col("id").eq(id.as_str()));
            tx.execute(&gone).await?;
        }
        Ok(())
    }

    /// Takes a lease that nobody holds, or renews it.
    async fn want(&self, tx: &DatabaseTransaction, name: &str, me: &str) -> Result<(), StoreError> {
        let mut first = Query::insert();
        first
            .into_table(Alias::new("lease"))
            .columns(["name", "holder", "epoch", "until"].map(Alias::new))
            .values_panic([name.into(), "".into(), 0i64.into(), 0i64.into()])
            .on_conflict(
                OnConflict::column(Alias::new("name"))
                    .do_nothing_on([Alias::new("name")])
                    .to_owned(),
            );
        tx.execute(&first).await?;
        let own = || Expr::col("holder").eq(me);
        let mut take = Query::update();
        take.table(Alias::new("lease"))
            // MySQL assigns one after the other: the epoch is to see who held it before.
            .value(
                Alias::new("epoch"),
                Expr::case(own(), Expr::col("epoch")).finally(Expr::col("epoch").add(1)),
            )
            .value(Alias::new("holder"), me)
            .value(Alias::new("until"), self.now().add(term()))
            .and_where(Expr::col("name").eq(name))
            .and_where(own().or(Expr::col("until").lt(self.now())));
        tx.execute(&take).await?;
        Ok(())
    }

    /// A server ends: what it held is free, and nobody is attached to it.
    pub(in crate::store) async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        let me = server.to_string();
        let mut free = Query::update();
        free.table(Alias::new("lease"))
            .value(Alias::new("until"), 0i64)
            .and_where(Expr::col("holder").eq(me.as_str()));
        let mut gone = Query::delete();
        gone.from_table(Alias::new("server"))
            .and_where(Expr::col("id").eq(me.as_str()));
        bounded(async {
            let _turn = self.turn().await;
            self.db.execute(&free).await?;
            self.db.execute(&gone).await?;
            Ok(())
        })
        .await
    }

    /// Refuses if the lease is another server's by now. It stays this one's until the transaction ends.
    pub(super) async fn check(&self, tx: &DatabaseTransaction, fence: &Fence) -> Result<(), StoreError> {
        let me = self.me.map(|me| me.to_string()).unwrap_or_default();
        let mut select = Query::select();
        select
            .column(Alias::new("epoch"))
            .from(Alias::new("lease"))
            .and_where(Expr::col("name").eq(fence.lease))
            .and_where(Expr::col("holder").eq(me))
            .and_where(Expr::col("epoch").eq(i64::try_from(fence.epoch).unwrap_or(i64::MAX)));
        self.lock(&mut select);
        match tx.query_one(&select).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::TakenOver(fence.lease)),
        }
    }

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
                number(attached.session.number).into(),
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
            .and_where(Expr::col("session").eq(number(attached.session.number)));
        self.presence(&attached.party, &update).await
    }

    /// Writes a party's presence, and notes it for the others; answers whether there was something to write.
    async fn presence(&self, party: &PartyId, statement: &impl StatementBuilder) -> Result<bool, StoreError> {
        let notice = Notice::Party(party.clone());
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let done: Result<bool, Failed<bool>> = async {
                    let tx = self.begin().await?;
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
        for row in self.rows(&select).await? {
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

    /// Writes a notice, if there may be others to read it.
    pub(super) async fn note(&self, tx: &DatabaseTransaction, notice: &Notice) -> Result<(), StoreError> {
        let Some(me) = self.me else { return Ok(()) };
        let body = serde_json::to_string(notice).map_err(|source| StoreError::Unreadable { what: "notice", source })?;
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("notice"))
            .columns(["server_id", "body"].map(Alias::new))
            .values_panic([me.to_string().into(), body.into()]);
        tx.execute(&insert).await?;
        Ok(())
    }

    /// Notices after that number, and those of these numbers that are there by now, in their order.
    pub(in crate::store) async fn notices(&self, after: u64, missing: &[u64]) -> Result<Vec<Noticed>, StoreError> {
        let mut select = Query::select();
        let mut wanted = Expr::col("id").gt(number(after));
        if !missing.is_empty() {
            wanted = wanted.or(Expr::col("id").is_in(missing.iter().map(|id| number(*id))));
        }
        select
            .columns(["id", "server_id", "body"].map(Alias::new))
            .from(Alias::new("notice"))
            .and_where(wanted)
            .order_by(Alias::new("id"), Order::Asc)
            .limit(NOTICES);
        let mut found = Vec::new();
        for row in self.rows(&select).await? {
            let (id, server): (i64, String) = (row.try_get("", "id")?, row.try_get("", "server_id")?);
            let body: String = row.try_get("", "body")?;
            let Ok(by) = server.parse() else { continue };
            found.push(Noticed {
                number: u64::try_from(id).unwrap_or_default(),
                by,
                notice: serde_json::from_str(&body).ok(),
            });
        }
        Ok(found)
    }

    /// The greatest number of a notice.
    pub(in crate::store) async fn newest_notice(&self) -> Result<u64, StoreError> {
        let mut select = Query::select();
        select
            .expr_as(Expr::col("id").max(), Alias::new("newest"))
            .from(Alias::new("notice"));
        let newest: Option<i64> = match self.row(&select).await? {
            Some(row) => row.try_get("", "newest")?,
            None => None,
        };
        Ok(newest.and_then(|newest| u64::try_from(newest).ok()).unwrap_or_default())
    }

    /// Forgets notices up to that number, and servers that are long gone.
    pub(in crate::store) async fn forget_notices(&self, up_to: u64) -> Result<(), StoreError> {
        let mut old = Query::delete();
        old.from_table(Alias::new("notice"))
            .and_where(Expr::col("id").lte(number(up_to)));
        let mut gone = Query::delete();
        gone.from_table(Alias::new("server"))
            .and_where(Expr::col("seen_at").lt(self.now().sub(term() * 100)));
        bounded(async {
            let _turn = self.turn().await;
            self.db.execute(&old).await?;
            self.db.execute(&gone).await?;
            Ok(())
        })
        .await
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
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
