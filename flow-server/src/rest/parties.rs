//! `/parties`.

use axum::{Json, extract::State};
use flow_api::{Page, PartyView, Problem};
use flow_domain::{
    PartyId,
    party::{Liveness, Party, Presence},
};
use flow_rest::{Failure, Params, Part};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    App,
    templates::{page_size, parse_cursor},
};
use crate::service::Refusal;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PartyQuery {
    /// At most so many; 50 if absent, never more than 500.
    limit: Option<u64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

fn view(app: &App, party: Party) -> PartyView {
    let presence = app.services.hub.presence(&party.id).unwrap_or(Presence {
        liveness: Liveness::Offline,
        since: party.last_seen,
    });
    PartyView {
        id: party.id,
        liveness: presence.liveness,
        since: presence.since,
        datasets: party.datasets,
        labels: party.labels,
        capacity: party.capacity,
        site: party.site,
        agent_version: party.agent_version,
        registered_at: party.registered_at,
    }
}

/// Lists parties by name.
#[utoipa::path(get, path = "/parties", tag = "parties", params(PartyQuery),
    responses((status = 200, body = Page<PartyView>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<App>,
    Params(query): Params<PartyQuery>,
) -> Result<Json<Page<PartyView>>, Failure> {
    let limit = page_size(query.limit);
    let after = parse_cursor::<PartyId>(query.cursor.as_deref())?;
    let mut found = app
        .services
        .store
        .parties(after.as_ref(), limit + 1)
        .await
        .map_err(Refusal::from)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|party| party.id.to_string());
    let items = found.into_iter().map(|party| view(&app, party)).collect();
    Ok(Json(Page { items, next }))
}

/// Shows a party.
#[utoipa::path(get, path = "/parties/{party}", tag = "parties", params(("party" = PartyId, Path)),
    responses((status = 200, body = PartyView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn get(State(app): State<App>, Part(id): Part<String>) -> Result<Json<PartyView>, Failure> {
    let known = match id.parse::<PartyId>() {
        Ok(party) => app.services.store.party(&party).await.map_err(Refusal::from)?,
        Err(_) => None,
    };
    let party = known.ok_or_else(|| Refusal::not_found("party", &id))?;
    Ok(Json(view(&app, party)))
}
