//! `/federate`.

use axum::extract::State;
use flow_api::legacy::{Envelope, FederatesView};

use super::{
    App,
    answer::{Answer, Paging, with},
};

/// Lists parties by name.
#[utoipa::path(get, path = "/federate", tag = "federate", params(Paging), responses((status = 200, body = Envelope<FederatesView>)))]
pub(super) async fn list(State(app): State<App>, paging: Paging) -> Answer<FederatesView> {
    with(app.services.legacy_federates(paging.number()?))
}
