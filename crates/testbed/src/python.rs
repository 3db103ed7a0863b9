//! Real Python environments, built once in the user's cache and shared with `flowctl demo`.

use std::path::PathBuf;

use flowctl::{
    python::{self, Recipe},
    settings,
};

/// The environment of Flower jobs.
pub const FLOWER: Recipe = Recipe {
    requirements: include_str!("../assets/flower/requirements.txt"),
    imports: "flwr, numpy, grpc",
};

/// The environment of Iflearner Flow's own client.
pub const LEGACY_CLIENT: Recipe = Recipe {
    requirements: include_str!("../assets/legacy/requirements.txt"),
    imports: "flow_server_sdk, flow_server_cli.flow_cli",
};

/// Python with Iflearner Flow's own client.
pub async fn legacy_client() -> PathBuf {
    of(&LEGACY_CLIENT).await
}

/// Python with iflearner.
pub async fn iflearner() -> PathBuf {
    of(&python::IFLEARNER).await
}

/// Python with Flower.
pub async fn flower() -> PathBuf {
    of(&FLOWER).await
}

async fn of(recipe: &Recipe) -> PathBuf {
    let cache = settings::user_dir("XDG_CACHE_HOME", ".cache").unwrap();
    python::environment(&cache, recipe, &python::plainly).await.unwrap()
}
