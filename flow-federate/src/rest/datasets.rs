//! `/datasets`.

use axum::{Json, extract::State};
use flow_api::{Page, Problem};

use super::{App, views::DatasetView};

/// Lists this party's data sets by name.
#[utoipa::path(get, path = "/datasets", tag = "datasets",
    responses((status = 200, body = Page<DatasetView>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(State(app): State<App>) -> Json<Page<DatasetView>> {
    let holdings = app.agent.holdings().await;
    Json(Page {
        items: holdings.into_iter().map(DatasetView::from).collect(),
        next: None,
    })
}
