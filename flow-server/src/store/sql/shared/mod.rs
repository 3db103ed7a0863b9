//! Several servers on one database: who is there, and who does what. All times here are the database's own: no two servers' clocks are compared.

mod notices;
mod presence;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query, SimpleExpr},
};

use super::{Failed, Sql, StoreError, Tries, bounded, commit};
use crate::store::shared::{Beat, Beaten, Fence, ServerId, TERM};

fn term() -> i64 {
    i64::try_from(TERM.as_micros()).unwrap_or(i64::MAX)
}

impl Sql {
    /// Whether several servers may use the database.
    pub(in crate::store) fn is_shared(&self) -> bool {
        self.db.is_shared()
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
        let tx = self.db.begin().await?;
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
            let _turn = self.db.turn().await;
            self.db.execute(&free).await?;
            self.db.execute(&gone).await?;
            Ok(())
        })
        .await
    }

    /// Refuses if the lease is another server's by now. It stays this one's until the transaction ends.
    pub(in crate::store::sql) async fn check(&self, tx: &DatabaseTransaction, fence: &Fence) -> Result<(), StoreError> {
        let me = self.me.map(|me| me.to_string()).unwrap_or_default();
        let mut select = Query::select();
        select
            .column(Alias::new("epoch"))
            .from(Alias::new("lease"))
            .and_where(Expr::col("name").eq(fence.lease))
            .and_where(Expr::col("holder").eq(me))
            .and_where(Expr::col("epoch").eq(i64::try_from(fence.epoch).unwrap_or(i64::MAX)));
        self.db.lock(&mut select);
        match tx.query_one(&select).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::TakenOver(fence.lease)),
        }
    }
}

fn as_stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
