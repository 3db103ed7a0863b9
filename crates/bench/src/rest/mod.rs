//! Requests of both REST APIs, by so many clients at once, beside the database's own rate of the same statements.

mod clients;
mod copies;
mod operations;
mod own;
mod prepared;
mod sample;
mod seen;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use self::{
    clients::{End, Load, closed_loop},
    operations::{Asked, Operation},
    own::Own,
    prepared::{Prepared, user},
};
use crate::{
    Outcome,
    api::Api,
    database::{Databases, note},
    figures::{Row, fine, sheet, table},
    options::{Kind, Options},
    process::Machine,
};

/// How many templates and tasks there are, first and then.
const FEW: usize = 1000;
const MANY: (usize, usize) = (100_000, 5_000);

/// How many clients ask at once.
const CLIENTS: [usize; 3] = [1, 8, 64];

/// How long each is measured, in milliseconds: the server, and the database.
const SERVER: (usize, usize) = (1500, 300);
const DATABASE: (usize, usize) = (1000, 200);

/// How many runs are started in one measurement: they wait, and a longer queue takes longer.
const STARTS: usize = 300;

/// How many of those are cancelled at a time afterwards.
const CANCELLING: usize = 8;

/// Of a page at [`FEW`].
const LIMIT: u32 = 3;

/// One line of a table: what was measured of the server, and of the database.
struct Measured {
    operation: Operation,
    clients: usize,
    server: Load,
    own: Load,
}

/// Carries out all, and prints what comes of each database.
pub(crate) async fn measure(options: &Options, databases: &Databases) -> Outcome {
    for kind in options.kinds() {
        let many = options.amount(MANY.0, MANY.1);
        let mut sizes = Vec::new();
        for rows in [FEW, many] {
            note(&format!("measuring REST on {} with {rows} tasks …", kind.name()));
            let before = Machine::now()?;
            let measured = of_size(kind, rows, options, databases).await?;
            let withheld = Machine::withheld_since(before)?;
            let title = format!("{}, {rows} tasks", kind.name());
            writeln!(
                io::stdout(),
                "\n{}\nthe host withheld {withheld} of processor time that were wanted",
                figures(&title, &measured)
            )?;
            sizes.push(measured);
        }
        let [few, many_rows] = sizes.as_slice() else {
            return Err("two sizes are measured".into());
        };
        let rows = lists(few, many_rows, many);
        let title = format!("{}, a page as tasks become more", kind.name());
        writeln!(io::stdout(), "\n{}", table(&title, &rows))?;
    }
    Ok(())
}

async fn of_size(kind: Kind, rows: usize, options: &Options, databases: &Databases) -> Outcome<Vec<Measured>> {
    let Prepared {
        mut stage,
        there,
        swarm,
    } = Prepared::new(databases, kind, rows, options).await?;
    let there = Arc::new(there);
    let most = CLIENTS.into_iter().max().unwrap_or_default();
    let users = (0..most).map(|_| user(&stage)).collect::<Outcome<Vec<_>>>()?;
    let users = Arc::new(users);
    let own = Arc::new(Own::new(&stage.database, kind, there.clone()).await?);
    if kind == Kind::Mariadb {
        seen::compare(&stage.database, &users[0], &there).await?;
    }
    let mut measured = Vec::new();
    let mut started = Vec::new();
    for operation in Operation::all() {
        for clients in CLIENTS {
            let (asking, of) = (users.clone(), there.clone());
            let ask = move |client: usize| {
                let (asking, of) = (asking.clone(), of.clone());
                async move { operation.ask(&asking[client], &of).await }
            };
            let server = closed_loop(clients, end(operation, SERVER, options)?, ask).await?;
            if operation.asked == Asked::Start {
                cancel_waiting(&stage.api).await?;
                started.push((operation, clients, server));
                continue;
            }
            measured.push(Measured {
                operation,
                clients,
                server,
                own: directly(&own, operation, clients, options).await?,
            });
        }
    }
    // Runs that are stored directly wait in the same queue: nobody is to look at it meanwhile.
    swarm.leave().await;
    stage.server.terminate().await?;
    for (operation, clients, server) in started {
        let own_load = directly(&own, operation, clients, options).await?;
        own.empty_queue().await?;
        measured.push(Measured {
            operation,
            clients,
            server,
            own: own_load,
        });
    }
    Ok(measured)
}

/// How long a measurement takes.
fn end(operation: Operation, amount: (usize, usize), options: &Options) -> Outcome<End> {
    Ok(End {
        after: Duration::from_millis(options.amount(amount.0, amount.1).try_into()?),
        requests: match operation.asked {
            Asked::Start => STARTS,
            _ => usize::MAX / 2,
        },
    })
}

/// The same statements at the database.
async fn directly(own: &Arc<Own>, operation: Operation, clients: usize, options: &Options) -> Outcome<Load> {
    let own = own.clone();
    let ask = move |_| {
        let own = own.clone();
        async move { own.carry_out(operation).await }
    };
    closed_loop(clients, end(operation, DATABASE, options)?, ask).await
}

/// Ends all runs that wait, so that the next ones meet an empty queue.
async fn cancel_waiting(api: &Api) -> Outcome {
    loop {
        let page: Value = api.get("/runs?state=Queued&limit=500").await?;
        let waiting: Vec<String> = page["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|run| run["id"].as_str().map(str::to_owned))
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        stream::iter(waiting)
            .map(async |run| {
                api.post::<Value>(&format!("/runs/{run}/cancel"), &json!({}))
                    .await
                    .map(drop)
            })
            .buffer_unordered(CANCELLING)
            .try_collect::<()>()
            .await?;
    }
}

fn figures(title: &str, measured: &[Measured]) -> String {
    let header = [
        title,
        "clients",
        "requests/s",
        "p50",
        "p99",
        "database's own/s",
        "p50",
        "p99",
        "share",
    ];
    let rows = measured.iter().map(|one| {
        let Measured { server, own, .. } = one;
        vec![
            one.operation.name(),
            one.clients.to_string(),
            format!("{:.0}", server.rate),
            fine(server.took.p50()),
            fine(server.took.p99()),
            format!("{:.0}", own.rate),
            fine(own.took.p50()),
            fine(own.took.p99()),
            format!("{:.2}", server.rate / own.rate),
        ]
    });
    sheet(&header, rows)
}

/// What a page takes at first, and what it takes when there are many rows. With more clients than processors it would be the waiting for
/// those that is timed.
fn lists(few: &[Measured], many: &[Measured], rows: usize) -> Vec<Row> {
    let pages = few.iter().zip(many).filter(|(few, _)| few.operation.is_list());
    pages
        .filter(|(few, _)| few.clients == 1)
        .map(|(few, many)| {
            let (before, now) = (few.server.took.p50(), many.server.took.p50());
            Row::limited(
                format!("{}: p50 at {rows} tasks", few.operation.name()),
                fine(now),
                format!("{} (at {FEW}: {})", fine(before * LIMIT), fine(before)),
                now <= before * LIMIT,
            )
        })
        .collect()
}
